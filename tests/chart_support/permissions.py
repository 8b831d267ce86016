"""What an account may do by its roles, and what it did by the API server's audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chart_support.helm import Manifest

Permission = tuple[str, str, str, str]
"""A verb, an API group, a resource with its subresource, and a namespace, which is "" for all of them."""

_EVERYBODYS = {"selfsubjectaccessreviews"}
"""What every account may create, to learn of itself."""


@dataclass
class Requests:
    """The permissions that an account's requests needed: those that it had, and those that it lacked."""

    allowed: set[Permission] = field(default_factory=set)
    forbidden: set[Permission] = field(default_factory=set)

    @classmethod
    def by_audit_log(cls, log: Path, user: str) -> Requests:
        """Return what a user asked for, by the log."""
        requests = cls()
        for line in log.read_text().splitlines():
            event = json.loads(line)
            reference = event.get("objectRef") or {}
            if event["user"]["username"] != user or reference.get("resource") in {None, *_EVERYBODYS}:
                continue
            resource = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
            is_allowed = event["annotations"]["authorization.k8s.io/decision"] == "allow"
            permissions = requests.allowed if is_allowed else requests.forbidden
            namespace = reference.get("namespace", "")
            permissions.add((event["verb"], reference.get("apiGroup", ""), resource, namespace))
        return requests

    def used(self, granted: set[Permission]) -> set[Permission]:
        """Return those of the granted permissions that were used, and whatever was allowed by none of them."""
        return {one if one in granted else (*one[:3], "") for one in self.allowed}


def granted(manifest: Manifest, account: str) -> set[Permission]:
    """Return what a release's roles permit the service account of this name."""
    return set(_granted(manifest, account))


def _granted(manifest: Manifest, account: str) -> Iterator[Permission]:
    roles = {
        (body["kind"], body["metadata"]["name"], body["metadata"].get("namespace")): body
        for body in manifest
        if "rules" in body
    }
    for binding in [*manifest.all("ClusterRoleBinding"), *manifest.all("RoleBinding")]:
        if account not in {subject["name"] for subject in binding["subjects"]}:
            continue
        namespace = binding["metadata"].get("namespace")
        role = roles[binding["roleRef"]["kind"], binding["roleRef"]["name"], namespace]
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    yield from ((verb, group, resource, namespace or "") for verb in rule["verbs"])
