"""What the CRD's text promises, without an API server; tests/cluster/test_crd.py asks a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tenure.election import timing

_CRD = yaml.safe_load((Path(__file__).parents[2] / "crds" / "leaderelections.yaml").read_text())
_ROOT = _CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def _fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All schemas under this one with their paths, but not what is under metadata, which is not ours to describe."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        if path or name != "metadata":
            yield from _fields(child, f"{path}.{name}")
    if "items" in schema:
        yield from _fields(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _fields(schema["additionalProperties"], f"{path}{{}}")


_FIELDS = dict(_fields(_ROOT))


def test_every_field_is_described_in_sentences() -> None:
    assert len(_FIELDS) > 40
    assert [path for path, schema in _FIELDS.items() if not schema.get("description", "").endswith(".")] == []


def test_every_field_has_bounds() -> None:
    bounds = {"string": "maxLength", "array": "maxItems", "integer": "minimum"}
    free = {".apiVersion", ".kind"}  # bounded by what they can be
    unbounded = [
        path
        for path, schema in _FIELDS.items()
        if (bound := bounds.get(schema["type"])) and not schema.keys() & {bound, "enum", "format"} and path not in free
    ]

    assert unbounded == []


def test_every_number_of_the_spec_has_both_bounds() -> None:
    integers = {path: schema for path, schema in _FIELDS.items() if schema["type"] == "integer"}

    assert [
        path
        for path, schema in integers.items()
        if path.startswith(".spec") and not {"minimum", "maximum"} <= schema.keys()
    ] == []


def test_the_status_has_no_enums() -> None:
    """An older schema would refuse the whole status of a newer operator for one new value."""
    assert [path for path, schema in _FIELDS.items() if path.startswith(".status") and "enum" in schema] == []


def test_every_rule_has_a_message_that_says_what_to_do() -> None:
    rules = [rule for schema in _FIELDS.values() for rule in schema.get("x-kubernetes-validations", [])]

    assert len(rules) == 15
    assert [rule for rule in rules if ": " not in rule["message"]] == []


def test_the_rules_on_a_lease_say_what_the_operator_says() -> None:
    messages = [rule["message"] for rule in _FIELDS[".spec.lease"]["x-kubernetes-validations"]]

    assert messages == [
        timing.DURATION_ABOVE_DEADLINE,
        timing.DEADLINE_TWO_INTERVALS,
        timing.DURATION_THREE_INTERVALS,
    ]


@pytest.mark.parametrize(
    ("field", "minimum", "maximum"),
    [
        ("durationSeconds", timing.DURATION_MIN_S, timing.DURATION_MAX_S),
        ("renewDeadlineSeconds", 2, timing.DURATION_MAX_S - 1),
        ("renewIntervalSeconds", 1, timing.DURATION_MAX_S // 3),
    ],
)
def test_the_bounds_of_a_lease_are_the_operators(field: str, minimum: int, maximum: int) -> None:
    schema = _FIELDS[f".spec.lease.{field}"]

    assert (schema["minimum"], schema["maximum"]) == (minimum, maximum)
    assert "default" not in schema
