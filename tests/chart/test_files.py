"""What the chart says in two places, it says alike."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from chart_support import CHART, ROOT, Helm
from chart_support.copies import COPIES, values
from tenure.cli_run import run
from tenure.kubernetes.access import NEEDED

_CHART = yaml.safe_load((CHART / "Chart.yaml").read_text())
_SCHEMA = json.loads((CHART / "values.schema.json").read_text())
_CRD = yaml.safe_load((ROOT / "crds" / "leaderelections.yaml").read_text())


@pytest.mark.parametrize("path", COPIES, ids=lambda path: path.name)
def test_what_is_made_is_up_to_date(path: Path) -> None:
    assert path.read_text() == COPIES[path](), "Run: make chart"


def test_the_crd_that_is_installed_is_that_of_the_project(offline: Helm) -> None:
    crd = offline.template().one("CustomResourceDefinition")

    assert crd["spec"] == _CRD["spec"]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_chart_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert (_CHART["version"], _CHART["appVersion"]) == (version, version)


def test_every_value_has_a_meaning() -> None:
    assert [value.path for value in values() if not value.meaning] == []


def test_every_value_is_in_the_schema_and_no_other() -> None:
    """But for what Helm adds where the chart is a part of another one."""
    assert set(_paths(_SCHEMA)) - {"global", "enabled"} == {value.path for value in values()}


def test_the_schema_is_closed() -> None:
    """Wherever the names of properties are known, no other is allowed."""
    mappings = [part for part in _parts(_SCHEMA) if "properties" in part]

    assert [part for part in mappings if part["additionalProperties"] is not False] == []


def test_the_description_for_artifact_hub_is_that_of_the_crd() -> None:
    annotations = _CHART["annotations"]
    (crd,) = yaml.safe_load(annotations["artifacthub.io/crds"])
    (example,) = yaml.safe_load(annotations["artifacthub.io/crdsExamples"])

    assert (crd["kind"], crd["name"]) == (_CRD["spec"]["names"]["kind"], _CRD["metadata"]["name"])
    assert crd["version"] == _CRD["spec"]["versions"][0]["name"]
    assert example == next(yaml.safe_load_all((ROOT / "examples" / "web.yaml").read_text()))


def test_the_roles_have_no_wildcard_and_are_what_the_operator_asks_for(offline: Helm) -> None:
    role = offline.template().one("ClusterRole", "tenure.system")

    assert [(rule["apiGroups"], rule["resources"], tuple(rule["verbs"])) for rule in role["rules"]] == [
        ([group], [resource], verbs) for group, resource, verbs in NEEDED
    ]
    assert "*" not in json.dumps([body.get("rules") for body in offline.template()])


def test_the_operator_knows_every_variable_that_the_chart_sets() -> None:
    context = click.Context(run, info_name="run", auto_envvar_prefix="TENURE")
    known = {option.envvar or f"{context.auto_envvar_prefix}_{str(option.name).upper()}" for option in run.params}
    text = "".join(path.read_text() for path in (CHART / "templates").iterdir() if path.is_file())

    variables = set(re.findall(r"\bTENURE_[A-Z_]*[A-Z]", text))
    assert len(variables) > 15
    assert variables - known == set()


def test_the_alerts_and_the_dashboard_know_only_metrics_that_there_are() -> None:
    there = set(re.findall(r"`(tenure_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    files = CHART / "files"
    text = (files / "alerts.yaml").read_text() + (files / "dashboard.json").read_text()

    assert {re.sub(r"_bucket$", "", name) for name in re.findall(r"\btenure_\w+", text)} - there == set()


def _paths(schema: Any, path: str = "") -> Iterator[str]:
    """The paths of all that a schema describes, down to what values.yaml gives a meaning."""
    documented = {value.path for value in values()}
    if "$ref" in schema and path not in documented:
        schema = _SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    if path in documented or "properties" not in schema:
        yield path
        return
    for name, child in schema["properties"].items():
        yield from _paths(child, f"{path}.{name}" if path else name)


def _parts(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        yield schema
        for child in schema.values():
            yield from _parts(child)
