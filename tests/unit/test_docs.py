"""What the documents say is there, is there; and what is there, they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from environment.nats_accounts import CANDIDATE_PUBLISH, PUBLISH, SUBSCRIBE
from tenure.cli_run import run
from tenure.election.conditions import ConditionType, Reason
from tenure.election.end_of_term import EndOfTerm
from tenure.kubernetes.access import NEEDED
from tenure.nats.bucket import DEFAULT_BUCKET

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text()
_NATS = (_ROOT / "docs" / "nats.md").read_text()
_LIBRARY = (_ROOT / "docs" / "library.md").read_text()
_DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "charts/tenure/README.md"]
_DOCUMENTS += [f"docs/{path.name}" for path in sorted((_ROOT / "docs").glob("*.md"))]
_FOLDERS = "operator|tests|charts|crds|examples|requirements|docs"


def _section(title: str) -> str:
    """The text under a heading of the README, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", _README, re.MULTILINE | re.DOTALL)
    assert found is not None, f"README.md has no heading {title!r}"
    return found[1]


def _rows(section: str) -> list[list[str]]:
    """The cells of all tables in a section, without heads and rulers."""
    lines = re.sub(r"^\|.*\n\|[- |]+\|\n", "", section, flags=re.MULTILINE).splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]


def _names(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_every_option_is_listed_with_its_variable_and_its_default() -> None:
    context = click.Context(run, info_name="run", auto_envvar_prefix="TENURE")
    options = []
    for option in run.params:
        variable = option.envvar or f"{context.auto_envvar_prefix}_{str(option.name).upper()}"
        default = option.get_default(context)
        shown = (
            f"`{default:g}`"
            if isinstance(default, int | float) and not isinstance(default, bool)
            else f"`{default}`"
            if default and isinstance(default, str)
            else ""
        )
        options.append([f"`{option.opts[0]}`", f"`{variable}`", shown])

    assert [row[:3] for row in _rows(_section("Settings of the operator"))] == options


def test_every_condition_and_reason_is_listed_and_no_other() -> None:
    rows = _rows(_section("Conditions"))
    conditions = [row for row in rows if row[0].strip("`") in set(ConditionType)]
    meanings = [row[0].strip("`") for row in rows if row not in conditions]
    listed = {name for row in conditions for cell in row[1:] for name in _names(cell)}

    assert [row[0] for row in conditions] == [f"`{condition}`" for condition in ConditionType]
    assert listed - set(ConditionType) == set(Reason) - set(ConditionType)
    assert len(meanings) == len(set(meanings))
    assert set(meanings) == set(Reason) - set(ConditionType) - {Reason.ELECTED, Reason.HELD}


def test_every_end_of_a_term_is_listed_and_no_other() -> None:
    rows = _rows(_section("Why a term ended"))

    assert [row[0] for row in rows] == [f"`{reason}`" for reason in EndOfTerm]


def test_every_field_of_the_spec_is_listed_and_no_other() -> None:
    crd = yaml.safe_load((_ROOT / "crds" / "leaderelections.yaml").read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    groups = {name for name, schema in spec.items() if "properties" in schema and name != "selector"}
    fields = {f"`spec.{name}`" for name in spec.keys() - groups}
    fields |= {f"`spec.{group}.{name}`" for group in groups for name in spec[group]["properties"]}

    assert {row[0] for row in _rows(_section("A LeaderElection"))} == fields


def test_the_permissions_are_those_that_the_operator_asks_for() -> None:
    needed = [[group or '""', resource, ", ".join(verbs)] for group, resource, verbs in NEEDED]
    rows = [[cell.strip("`") for cell in row] for row in _rows(_section("Permissions"))]

    assert rows == needed


def test_the_permissions_in_nats_are_those_that_are_tested() -> None:
    tested = [subject.replace("leases", DEFAULT_BUCKET) for subject in PUBLISH]
    section = _section("Permissions")

    assert re.findall(r"^publish +(\S+)", section, re.MULTILINE) == tested
    assert re.findall(r"^subscribe +(\S+)", section, re.MULTILINE) == list(SUBSCRIBE)
    assert re.findall(r'^ +"(\$[^"]+)"$', _NATS, re.MULTILINE) == tested
    assert f"--allow-pub '{','.join(tested)}'" in _NATS


def test_the_permissions_of_a_candidate_are_those_that_are_tested() -> None:
    tested = [subject.replace("leases", DEFAULT_BUCKET) for subject in CANDIDATE_PUBLISH]

    assert re.findall(r"^publish +(\S+)", _LIBRARY, re.MULTILINE) == tested
    assert re.findall(r"^subscribe +(\S+)", _LIBRARY, re.MULTILINE) == list(SUBSCRIBE)


def test_every_setting_of_a_bucket_that_is_looked_at_is_explained() -> None:
    code = (_ROOT / "operator" / "tenure" / "nats" / "bucket.py").read_text()
    settings = set(re.findall(r'config\.get\("(\w+)"', code))

    assert len(settings) > 15
    assert [setting for setting in sorted(settings) if setting not in _NATS] == []


def test_the_election_in_the_readme_is_that_of_the_example() -> None:
    shown = re.search(r"```yaml\n(.*?)```", _section("Elect a leader"), re.DOTALL)
    assert shown is not None
    example: list[dict[str, Any]] = list(yaml.safe_load_all((_ROOT / "examples" / "web.yaml").read_text()))

    assert list(yaml.safe_load_all(shown[1])) == example[:2]


_GO_FUNCTIONS = """
NewLeaderElection Start Stop IsLeader GetLeader GetTerm electionLoop leaseRenewalLoop monitorLeadership tryBecomeLeader
tryClaimExpiredLease renewLease becomeLeader loseLeadership resignLeadership shouldTryElection handleLeadershipUpdate
updateCurrentLeader
"""
"""All functions of aether's `cluster/leader.go`."""


def test_every_function_of_the_go_library_has_its_row_and_each_row_a_test() -> None:
    section = _LIBRARY.partition("## Coming from aether")[2]
    rows = _rows(section)
    named = set(re.findall(r"\w+", " ".join(row[0] for row in rows)))

    assert set(_GO_FUNCTIONS.split()) - named == set()
    assert [row[0] for row in rows if len(row) != 4 or "::" not in row[3]] == []


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_tests_that_are_named_exist(name: str) -> None:
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", (_ROOT / name).read_text())
    tests = {path.name: path.read_text() for path in (_ROOT / "tests").rglob("test_*.py")}

    assert [f"{file}::{test}" for file, test in named if f"def {test}(" not in tests.get(file, "")] == []


def test_every_defect_in_the_track_record_names_its_test() -> None:
    rows = _rows((_ROOT / "docs" / "track-record.md").read_text())

    assert rows
    assert [row[0] for row in rows if len(row) != 6 or "::" not in row[5]] == []


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_links_and_paths_lead_somewhere(name: str) -> None:
    text = (_ROOT / name).read_text()
    links = [link.partition("#") for link in re.findall(r"\]\(([^)]+)", text) if "://" not in link]
    paths = re.findall(rf"`((?:{_FOLDERS})/[\w./-]*)`", text)

    folder = (_ROOT / name).parent
    documents = [(folder / path if path else _ROOT / name, has_anchor, anchor) for path, has_anchor, anchor in links]
    assert [
        path for path in [*(path for path, _, _ in documents), *map(_ROOT.joinpath, paths)] if not path.exists()
    ] == []
    assert [
        f"{path}#{anchor}"
        for path, has_anchor, anchor in documents
        if has_anchor and anchor not in _anchors(path.read_text())
    ] == []


def _anchors(text: str) -> list[str]:
    """The anchors of all headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_every_row_of_a_table_has_a_head_and_its_cells(name: str) -> None:
    """A blank line ends a table: rows below it are shown as text."""
    text = re.sub(r"```.*?```", "", (_ROOT / name).read_text(), flags=re.DOTALL)
    tables = [table.splitlines() for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]

    assert [table[0] for table in tables if len(table) < 3 or not re.fullmatch(r"\|(?: -+:? \|)+", table[1])] == []
    assert [row for table in tables for row in table if len(_borders(row)) != len(_borders(table[0]))] == []


def _borders(row: str) -> list[str]:
    return re.findall(r"(?<!\\)\|", row)


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (_ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?<![\w-])make ([a-z][a-z0-9-]*)(?![\w-]*:)", "\n".join(_code(_ROOT / name))))

    assert named - targets == set()


def test_the_architecture_names_every_module() -> None:
    """Each module of the operator stands in the table of concepts."""
    text = (_ROOT / "ARCHITECTURE.md").read_text()
    package = _ROOT / "operator" / "tenure"
    modules = [path.relative_to(package) for path in package.rglob("*.py") if path.name != "__init__.py"]

    assert [str(path) for path in sorted(modules) if f"`{path}`" not in text] == []


def _code(document: Path) -> list[str]:
    text = document.read_text()
    return re.findall(r"```.*?\n(.*?)```", text, re.DOTALL) + _names(re.sub(r"```.*?```", "", text, flags=re.DOTALL))
