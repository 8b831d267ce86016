"""The operator as a release's Deployment would have the kubelet run it: its arguments, variables, files and account."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from pathlib import Path

from chart_support.helm import Object
from cluster_support import Kubernetes, Operator
from environment import Environment, Process


class InstalledOperator(Operator):
    """An operator with the environment variables of a Deployment and no others, and with its account's token.

    Volumes are folders here, with what is in the Secrets and ConfigMaps that the Deployment names. Two variables say
    where it listens and where the API server is, in the place of what a pod has for that.
    """

    def __init__(self, environment: Environment, folder: Path, deployment: Object, *, name: str = "operator") -> None:
        namespace, pod = deployment["metadata"]["namespace"], deployment["spec"]["template"]["spec"]
        account = environment.service_account_kubeconfig(namespace, pod["serviceAccountName"])
        super().__init__(environment, folder, kubeconfig=account, name=name)
        container = pod["containers"][0]
        variables = {
            **_variables(container, namespace, _mount(environment, folder / name, namespace, pod)),
            "TENURE_LISTEN": self.listens_on,
            "KUBECONFIG": str(account),
        }
        command = ["env", "-i", *(f"{key}={value}" for key, value in variables.items())]
        self.process = Process(
            name, [*command, sys.executable, "-I", "-m", "tenure", *container["args"]], log=folder / f"{name}.log"
        )


def _variables(container: Object, namespace: str, mounts: Mapping[str, Path]) -> dict[str, str]:
    """The container's environment, with the paths of mounted files as they are here."""
    variables = {}
    for variable in container["env"]:
        if "valueFrom" in variable:
            assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
            value = namespace
        else:
            value = variable["value"]
            for path, folder in mounts.items():
                value = value.replace(path, str(folder))
        variables[variable["name"]] = value
    return variables


def _mount(environment: Environment, folder: Path, namespace: str, pod: Object) -> dict[str, Path]:
    """Write the files of the pod's projected volumes, and return where each mount path is."""
    kubernetes, sources = Kubernetes(environment), {}
    for volume in pod.get("volumes", ()):
        sources[volume["name"]] = volume["projected"]["sources"]
    mounts = {}
    for mount in pod["containers"][0].get("volumeMounts", ()):
        here = mounts[mount["mountPath"]] = folder / mount["name"]
        here.mkdir(parents=True)
        for source in sources[mount["name"]]:
            for kind, named in source.items():
                path = f"/api/v1/namespaces/{namespace}/{kind.lower()}s/{named['name']}"
                data = kubernetes.get(path)["data"]
                for item in named["items"]:
                    content = data[item["key"]]
                    (here / item["path"]).write_bytes(
                        base64.b64decode(content) if kind == "secret" else content.encode()
                    )
    return mounts
