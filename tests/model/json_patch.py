"""JSON Patch (RFC 6902) as the API server applies it, as far as label writes use it."""

from __future__ import annotations

import copy
from typing import Any


class TestFailed(Exception):
    """A `test` did not find what it expects: answered with 422."""


class PathMissing(Exception):
    """An operation's path, or the map that should contain it, is not there: answered with 422 as well."""


def apply(document: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the document after all operations; none is made when one fails.

    As in the API server's library, a `test` against null holds where the map has no such key, and fails where the map
    itself is missing.
    """
    changed = copy.deepcopy(document)
    for operation in operations:
        *parents, name = (part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:])
        parent: Any = changed
        for part in parents:
            if not isinstance(parent, dict) or part not in parent:
                raise PathMissing(operation["path"])
            parent = parent[part]
        match operation["op"]:
            case "test":
                if parent.get(name) != operation["value"]:
                    raise TestFailed(operation["path"])
            case "add":
                parent[name] = operation["value"]
            case "remove":
                if name not in parent:
                    raise PathMissing(operation["path"])
                del parent[name]
            case other:
                raise AssertionError(other)
    return changed
