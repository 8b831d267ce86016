"""From the CRD to a page in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

_ROOT = Path(__file__).parents[2]
CRD = _ROOT / "crds" / "leaderelections.yaml"
PAGE = _ROOT / "docs" / "reference.md"

_SELECTOR = "spec.selector"

Schema = dict[str, Any]


def render(crd: str) -> str:
    """Return the page that describes a CRD with one version."""
    spec = yaml.safe_load(crd)["spec"]
    names, [version] = spec["names"], spec["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    kind = (
        f"`{spec['group']}/{version['name']}`, {spec['scope'].lower()}; `kubectl get {names['plural']}`, or "
        f"`{names['shortNames'][0]}`. `kubectl explain {names['singular']}.spec` says the same of the version that a "
        "cluster has. What is not required may be left out."
    )
    parts = [
        f"# Reference: {names['kind']}",
        "<!-- Made from crds/leaderelections.yaml by `make reference`. -->",
        schema["description"],
        kind,
    ]
    for section in ("spec", "status"):
        part = schema["properties"][section]
        parts += [f"## {section}", part["description"], _table(_rows(section, part))]
    parts += [
        "## Rules",
        "What the API server refuses, with these words. Bounds of numbers, lengths and lists are in the tables above.",
        "\n".join(f"* `{path}`: {said}." for path, said in _rules("", schema)),
        "## Columns",
        f"What `kubectl get {names['plural']}` shows.",
        _columns(version["additionalPrinterColumns"]),
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"| `{path}` | {kind} | {meaning} |" for path, kind, meaning in rows]
    return "\n".join(["| Field | Type | Meaning |", "| --- | --- | --- |", *lines])


def _rows(path: str, schema: Schema) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        kind = _kind(here, field)
        yield here, f"{kind}, required" if name in required else kind, _in_a_cell(field.get("description", ""))
        if not _is_other_selector(here, field):
            items = field.get("items", {})
            yield from _rows(f"{here}[]" if "properties" in items else here, items if "properties" in items else field)


def _is_other_selector(path: str, field: Schema) -> bool:
    """Whether a field is a label selector that needs no second description."""
    return {"matchLabels", "matchExpressions"} <= field.get("properties", {}).keys() and path != _SELECTOR


def _kind(path: str, field: Schema) -> str:
    if _is_other_selector(path, field):
        return f"like `{_SELECTOR}`"
    kind = str(field.get("format") if field.get("format") == "date-time" else field["type"])
    if kind == "array":
        kind = f"list of {_kind_of_items(path, field['items'])}"
    elif "additionalProperties" in field:
        kind = f"map of {_kind_of_items(path, field['additionalProperties'])}"
    return ", ".join([kind, *_bounds(field)])


def _kind_of_items(path: str, items: Schema) -> str:
    kind, *bounds = _kind(path, items).split(", ")
    return f"{kind} ({', '.join(bounds)})" if bounds else kind


def _bounds(field: Schema) -> Iterator[str]:
    if "enum" in field:
        yield " or ".join(f"`{value}`" for value in field["enum"])
    if "minimum" in field and "maximum" in field:
        yield f"{field['minimum']} to {field['maximum']}"
    elif "minimum" in field:
        yield f"at least {field['minimum']}"
    for name, unit in (("maxLength", "characters"), ("maxItems", "entries"), ("maxProperties", "entries")):
        if name in field:
            yield f"at most {field[name]} {unit}"
    if "default" in field:
        yield f"default `{str(field['default']).lower() if field['type'] == 'boolean' else field['default']}`"


def _rules(path: str, schema: Schema) -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield f"{path}{rule.get('fieldPath', '')}".lstrip("."), rule["message"]
    for name, field in schema.get("properties", {}).items():
        yield from _rules(f"{path}.{name}", field)
    if "items" in schema:
        yield from _rules(f"{path}[]", schema["items"])


def _columns(columns: Iterable[Schema]) -> str:
    wide = {True: " With `-o wide`.", False: ""}
    lines = [
        f"| {one['name']} | {_in_a_cell(one.get('description', ''))}{wide['priority' in one]} |" for one in columns
    ]
    return "\n".join(["| Column | Meaning |", "| --- | --- |", *lines])


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")
