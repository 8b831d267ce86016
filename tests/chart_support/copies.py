"""What the chart has to repeat: the CRD, and in its README the values. `make chart` writes it, a test compares it."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from chart_support.helm import CHART, ROOT

_BEGIN, _END = "<!-- Made from values.yaml by `make chart`. -->\n", "<!-- The end of what is made. -->\n"
_COMMENT = re.compile(r" *# -- (.*)")
_CONTINUED = re.compile(r" *# (.*)")


@dataclass(frozen=True)
class Value:
    """A documented value: its path with dots, its default, and its meaning."""

    path: str
    default: object
    meaning: str


@functools.cache
def values() -> tuple[Value, ...]:
    """Return all values in the order of values.yaml. A mapping without a meaning stands for what is in it."""
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    return tuple(_values(root, text.splitlines(), ()))


def _values(node: yaml.MappingNode, lines: list[str], path: tuple[str, ...]) -> Iterator[Value]:
    for key, child in node.value:
        here = (*path, key.value)
        meaning = _meaning(lines, key.start_mark.line)
        if not meaning and isinstance(child, yaml.MappingNode) and child.value:
            yield from _values(child, lines, here)
        else:
            yield Value(".".join(here), yaml.safe_load(yaml.serialize(child)), meaning)


def _meaning(lines: list[str], line: int) -> str:
    """Return the comment above a line that begins with `# --`, "" when there is none."""
    said: list[str] = []
    for text in reversed(lines[:line]):
        if begun := _COMMENT.fullmatch(text):
            return " ".join([begun[1], *reversed(said)])
        if not (continued := _CONTINUED.fullmatch(text)):
            break
        said.append(continued[1])
    return ""


def readme() -> str:
    """Return the chart's README with the table of values as it should be."""
    text = (CHART / "README.md").read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = [f"| `{value.path}` | `{json.dumps(value.default)}` | {value.meaning} |\n" for value in values()]
    table = ["| Value | Default | Meaning |\n", "| --- | --- | --- |\n", *rows]
    return "".join([before, _BEGIN, "\n", *table, "\n", _END, after])


def crd() -> str:
    """Return the CRD as users without Helm get it."""
    return (ROOT / "crds" / "leaderelections.yaml").read_text()


COPIES: dict[Path, Callable[[], str]] = {
    CHART / "README.md": readme,
    CHART / "files" / "leaderelections.yaml": crd,
}
