"""Which pods a label selector selects, by the rules of Kubernetes' `LabelSelector`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


class Operator(StrEnum):
    """What an expression demands of its key."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One expression of a selector. Raises ValueError, with a sentence, for what Kubernetes would not accept."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_key(self.key)
        for value in self.values:
            if value and not _NAME.fullmatch(value):
                raise ValueError(
                    f"the value {value!r} of {self.key!r} is not a label value: use at most 63 letters, digits, '-', "
                    "'_' and '.', with a letter or digit at both ends"
                )
        if self.operator in (Operator.IN, Operator.NOT_IN):
            if not self.values:
                raise ValueError(f"{self.operator} on {self.key!r} has no values: give at least one")
        elif self.values:
            raise ValueError(f"{self.operator} on {self.key!r} has values: leave them out")

    def __str__(self) -> str:
        match self.operator:
            case Operator.IN:
                return f"{self.key} in ({','.join(self.values)})"
            case Operator.NOT_IN:
                return f"{self.key} notin ({','.join(self.values)})"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels satisfy this expression. NotIn is satisfied by labels without the key."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements of a selector; labels match when they satisfy every one of them.

    As text it is what `parse_selector` understands, and the API server.
    """

    requirements: tuple[Requirement, ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels is selected."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def required_pair(self) -> tuple[str, str] | None:
        """A label that every selected pod has, for an index; None when no single one is demanded."""
        for requirement in self.requirements:
            if requirement.operator is Operator.IN and len(requirement.values) == 1:
                return requirement.key, requirement.values[0]
        return None


def parse_selector(text: str) -> Selector:
    """Return the selector that kubectl would understand by `text`, such as `app=web,tier in (a, b),!canary`.

    Raises ValueError with a sentence.
    """
    parts = re.split(r",(?![^()]*\))", text) if text.strip() else []
    return Selector(tuple(_parse_requirement(part.strip()) for part in parts))


def _parse_requirement(text: str) -> Requirement:
    if match := re.fullmatch(r"(\S+)\s+(in|notin)\s*\(([^()]*)\)", text):
        values = tuple(value.strip() for value in match[3].split(","))
        return Requirement(match[1], Operator.IN if match[2] == "in" else Operator.NOT_IN, values)
    if match := re.fullmatch(r"([^\s!=]+)\s*(!=|==|=)\s*(\S*)", text):
        return Requirement(match[1], Operator.NOT_IN if match[2] == "!=" else Operator.IN, (match[3],))
    if match := re.fullmatch(r"!\s*(\S+)", text):
        return Requirement(match[1], Operator.DOES_NOT_EXIST)
    return Requirement(text, Operator.EXISTS)


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    prefix_is_valid = not slash or (
        len(prefix) <= 253 and all(_DNS_LABEL.fullmatch(part) for part in prefix.split("."))
    )
    if not prefix_is_valid or not _NAME.fullmatch(name):
        raise ValueError(
            f"{key!r} is not a label key: use an optional DNS name and '/', then at most 63 letters, digits, '-', '_' "
            "and '.', with a letter or digit at both ends"
        )
