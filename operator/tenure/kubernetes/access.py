"""What the operator needs of the API server before it can work: the CRD and its permissions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import load_incluster_config, load_kube_config

from tenure.api import GROUP, PLURAL, VERSION
from tenure.kubernetes.client import KubernetesClient, path_of
from tenure.kubernetes.errors import NotFound, NotServed
from tenure.kubernetes.metadata import read_namespace_uid

CRD_NAME = f"{PLURAL}.{GROUP}"

NEEDED = (
    (GROUP, PLURAL, ("get", "list", "watch")),
    (GROUP, f"{PLURAL}/status", ("patch",)),
    ("", "pods", ("get", "list", "watch", "patch")),
    ("", "namespaces", ("get",)),
    ("events.k8s.io", "events", ("create",)),
)

NEEDED_FOR_SLICES = (
    ("", "services", ("get", "list", "watch")),
    ("discovery.k8s.io", "endpointslices", ("list", "watch", "create", "patch", "delete")),
)
"""What is needed as well to write endpoints."""

NEEDED_OF_NODES = ("", "nodes", ("list", "watch"))
"""What is needed as well to leave nodes that are cordoned: nodes are in no namespace."""

LOAD_TIMEOUT_S = 10.0
"""How long a kubeconfig's login command may take."""


class NoConfiguration(Exception):
    """It is not known where the API server is; the text says what to do."""


DEFAULT_NAMESPACE = "default"

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def own_namespace() -> str | None:
    """Return the namespace of the pod that this process runs in, None outside of a pod."""
    try:
        return SERVICE_ACCOUNT_NAMESPACE.read_text().strip() or None
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class Context:
    """Where an API server is and who we are there, and the namespace that is meant when none is named."""

    configuration: Configuration
    namespace: str


async def load_configuration(kubeconfig: str | None) -> Configuration:
    """Return the configuration of the present context; see `load_context`. Raises NoConfiguration."""
    return (await load_context(kubeconfig)).configuration


async def load_context(kubeconfig: str | None, name: str | None = None) -> Context:
    """Return a context from a kubeconfig file, `KUBECONFIG`, the pod's service account, or the default file.

    `name` is that of another context than the present one of the file. Raises NoConfiguration.
    """
    configuration = Configuration(client_session_kwargs={"trust_env": False})
    source = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    in_pod = "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ
    try:
        if kubeconfig is None and name is None and in_pod:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            return Context(_through_proxy(configuration), own_namespace() or DEFAULT_NAMESPACE)
        async with asyncio.timeout(LOAD_TIMEOUT_S):
            loader = await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=source, context=name, client_configuration=configuration
            )
        namespace = loader.current_context["context"].get("namespace") or DEFAULT_NAMESPACE
        return Context(_through_proxy(configuration), namespace)
    except TimeoutError as error:
        raise NoConfiguration(
            f"The login command in {source} has not ended within {LOAD_TIMEOUT_S:g} s: see that it asks nobody."
        ) from error
    except Exception as error:  # a malformed file makes the library raise whatever it trips over
        reason = _reason(error) if _exists(source) else "there is no such file"
        hint = "." if name is None else ", and --context to one of its contexts."
        raise NoConfiguration(
            f"No Kubernetes configuration in {source}: {' '.join(reason.split()).rstrip('.')}. "
            f"Set KUBECONFIG or --kubeconfig to a file that `kubectl` accepts{hint}"
        ) from error


def _through_proxy(configuration: Configuration) -> Configuration:
    """Add the proxy that the environment names for this server, if the kubeconfig names none.

    aiohttp would do so itself, for each request anew and in a thread, after another one had looked for ~/.netrc: at the
    start of a thousand elections these took a fifth of the operator's time.
    """
    server = urlsplit(configuration.host)
    if configuration.proxy is None and not proxy_bypass(server.netloc):
        configuration.proxy = getproxies().get(server.scheme)
    return configuration


def _reason(error: Exception) -> str:
    """Return the library's own words, unless they are Python's about a file that is something else altogether."""
    is_python = isinstance(error, AttributeError | KeyError | TypeError | UnicodeDecodeError)
    return "it is empty, or no kubeconfig" if is_python else str(error)


def _exists(source: str) -> bool:
    return any(Path(path).expanduser().exists() for path in source.split(os.pathsep))


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach the API server, and who we are there; paths of files in PEM."""

    server: str
    ca_path: str | None
    certificate_path: str | None
    private_key_path: str | None
    token: str | None
    insecure: bool


async def log_in(kubeconfig: str | None) -> Login:
    """Return a login from the present content of the configuration: commands are run again, token files read again.

    Raises NoConfiguration.
    """
    configuration = await load_configuration(kubeconfig)
    authorization = str((configuration.api_key or {}).get("BearerToken") or "")
    return Login(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        token=authorization.rpartition(" ")[2] or None,
        insecure=not configuration.verify_ssl,
    )


async def crd_is_there(client: KubernetesClient) -> bool:
    """Whether the API server serves LeaderElections. Raises ApiError."""
    try:
        answer = await client.get(path_of("apis", GROUP, VERSION))
    except NotServed:
        return False
    return any(resource.get("name") == PLURAL for resource in answer.get("resources") or ())


async def absent_namespaces(client: KubernetesClient, namespaces: Iterable[str]) -> list[str]:
    """Return those that are not there. Raises ApiError."""
    absent = []
    for namespace in namespaces:
        try:
            await read_namespace_uid(client, namespace)
        except NotFound:
            absent.append(namespace)
    return absent


async def missing_permissions(
    client: KubernetesClient,
    namespaces: Iterable[str],
    *,
    with_nodes: bool = False,
    with_slices: bool = False,
    user: str | None = None,
) -> list[str]:
    """Return what this account, or another user, may not do of what an operator does. Raises ApiError.

    Each is said as `verb resource.group (in a namespace)`.
    """
    asked = [
        (namespace, verb, group, resource)
        for namespace in tuple(namespaces) or (None,)
        for group, resource, verbs in (*NEEDED, *(NEEDED_FOR_SLICES if with_slices else ()))
        for verb in verbs
    ]
    if with_nodes:
        group, resource, verbs = NEEDED_OF_NODES
        asked += [(None, verb, group, resource) for verb in verbs]
    answers = await asyncio.gather(
        *(may(client, verb, group, resource, namespace, user=user) for namespace, verb, group, resource in asked)
    )
    missing = []
    for (namespace, verb, group, resource), allowed in zip(asked, answers, strict=True):
        if not allowed:
            where = f"in namespace {namespace}" if namespace else "in all namespaces"
            missing.append(f"{verb} {resource}{'.' if group else ''}{group} {where}")
    return missing


async def may(
    client: KubernetesClient, verb: str, group: str, resource: str, namespace: str | None, *, user: str | None = None
) -> bool:
    """Whether this account, or another user, may do this in a namespace, or in all. Raises ApiError."""
    resource, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    if namespace is not None:
        attributes["namespace"] = namespace
        if resource == "namespaces":
            attributes["name"] = namespace
    kind = "SelfSubjectAccessReview" if user is None else "SubjectAccessReview"
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": kind,
        "spec": {"resourceAttributes": attributes, **({} if user is None else {"user": user})},
    }
    answer = await client.create(path_of("apis", "authorization.k8s.io", "v1", f"{kind.lower()}s"), body)
    return bool(answer["status"].get("allowed"))
