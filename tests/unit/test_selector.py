"""Label selectors, against the rules of Kubernetes written down a second time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.selector import Operator, Requirement, Selector

_KEYS = ["app", "tier", "tenure.dev/app"]
_VALUES = ["", "web", "db", "Web"]

_labels = st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_VALUES))
_requirements = st.one_of(
    st.builds(
        Requirement,
        st.sampled_from(_KEYS),
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(st.sampled_from(_VALUES), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Requirement, st.sampled_from(_KEYS), st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST])),
)


def _kubernetes_selects(requirements: list[Requirement], labels: dict[str, str]) -> bool:
    """`k8s.io/apimachinery/pkg/labels`: Requirement.Matches, case by case."""
    for one in requirements:
        present = one.key in labels
        if one.operator == "In" and not (present and labels[one.key] in set(one.values)):
            return False
        if one.operator == "NotIn" and present and labels[one.key] in set(one.values):
            return False
        if one.operator == "Exists" and not present:
            return False
        if one.operator == "DoesNotExist" and present:
            return False
    return True


@given(st.lists(_requirements, max_size=4), _labels)
def test_a_selector_selects_what_kubernetes_would(requirements: list[Requirement], labels: dict[str, str]) -> None:
    assert Selector(tuple(requirements)).matches(labels) is _kubernetes_selects(requirements, labels)


@pytest.mark.parametrize(
    ("requirement", "labels", "matches"),
    [
        (Requirement("app", Operator.IN, ("web", "api")), {"app": "api"}, True),
        (Requirement("app", Operator.IN, ("web",)), {"app": "db"}, False),
        (Requirement("app", Operator.IN, ("web",)), {}, False),
        (Requirement("app", Operator.IN, ("",)), {"app": ""}, True),
        (Requirement("app", Operator.IN, ("",)), {}, False),
        (Requirement("app", Operator.NOT_IN, ("web",)), {"app": "db"}, True),
        (Requirement("app", Operator.NOT_IN, ("web",)), {"app": "web"}, False),
        (Requirement("app", Operator.NOT_IN, ("web",)), {}, True),
        (Requirement("app", Operator.EXISTS), {"app": ""}, True),
        (Requirement("app", Operator.EXISTS), {"tier": "app"}, False),
        (Requirement("app", Operator.DOES_NOT_EXIST), {}, True),
        (Requirement("app", Operator.DOES_NOT_EXIST), {"app": ""}, False),
    ],
)
def test_one_expression(requirement: Requirement, labels: dict[str, str], matches: bool) -> None:
    assert requirement.matches(labels) is matches


@given(st.lists(_requirements, max_size=4), _labels)
def test_the_pair_for_the_index_is_on_every_selected_pod(
    requirements: list[Requirement], labels: dict[str, str]
) -> None:
    selector = Selector(tuple(requirements))
    pair = selector.required_pair()

    if pair is not None and selector.matches(labels):
        assert pair in labels.items()


@pytest.mark.parametrize(
    ("requirements", "pair"),
    [
        ([Requirement("app", Operator.IN, ("web",))], ("app", "web")),
        ([Requirement("x", Operator.EXISTS), Requirement("app", Operator.IN, ("web",))], ("app", "web")),
        ([Requirement("app", Operator.IN, ("web", "db"))], None),
        ([Requirement("app", Operator.NOT_IN, ("web",))], None),
        ([], None),
    ],
)
def test_a_pair_is_found_where_one_value_is_demanded(
    requirements: list[Requirement], pair: tuple[str, str] | None
) -> None:
    assert Selector(tuple(requirements)).required_pair() == pair


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "app",
        "App.kubernetes_io-x",
        "0",
        "x" * 63,
        "example.com/app",
        "a/b",
        "1-2.3/4",
        "x" * 63 + "." + "y" * 63 + "." + "z" * 63 + "." + "w" * 61 + "/app",
    ],
)
def test_a_key_that_kubernetes_accepts(key: str) -> None:
    assert Requirement(key, Operator.EXISTS).key == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "-app",
        "app-",
        "app.",
        "a b",
        "x" * 64,
        "/app",
        "example.com/",
        "a/b/c",
        "Example.com/app",
        "exa_mple.com/app",
        "example..com/app",
        ".com/app",
        "-a/app",
        "a" * 254 + "/app",
        "app\n",
        "äpp",
        "app\u0660",
    ],
)
def test_a_key_that_kubernetes_refuses_is_refused_with_what_to_do(key: str) -> None:
    with pytest.raises(ValueError, match="is not a label key: use an optional DNS name"):
        Requirement(key, Operator.EXISTS)


@pytest.mark.parametrize("value", ["-web", "web-", "a b", "a/b", "x" * 64, "web\n", "ä", "_"])
def test_a_value_that_kubernetes_refuses_is_refused_with_what_to_do(value: str) -> None:
    with pytest.raises(ValueError, match="is not a label value: use at most 63 letters"):
        Requirement("app", Operator.IN, ("web", value))


@pytest.mark.parametrize(
    ("operator", "values", "sentence"),
    [
        (Operator.IN, (), "In on 'app' has no values: give at least one"),
        (Operator.NOT_IN, (), "NotIn on 'app' has no values: give at least one"),
        (Operator.EXISTS, ("web",), "Exists on 'app' has values: leave them out"),
        (Operator.DOES_NOT_EXIST, ("web",), "DoesNotExist on 'app' has values: leave them out"),
    ],
)
def test_values_belong_to_in_and_not_in_alone(operator: Operator, values: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Requirement("app", operator, values)


_ascii = st.text(st.sampled_from("aZ09-_./ \n"), max_size=70)


@given(_ascii)
def test_keys_are_judged_as_by_kubernetes_own_patterns(key: str) -> None:
    prefix, _, name = key.rpartition("/") if key.count("/") == 1 else ("", "", key)
    name_is_good = re.fullmatch(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", name) is not None and len(name) <= 63
    subdomain = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
    prefix_is_good = "/" not in key or (len(prefix) <= 253 and re.fullmatch(subdomain, prefix) is not None)

    try:
        Requirement(key, Operator.EXISTS)
    except ValueError:
        accepted = False
    else:
        accepted = True
    assert accepted is (name_is_good and prefix_is_good)


@given(_ascii)
def test_values_are_judged_as_by_kubernetes_own_pattern(value: str) -> None:
    is_good = re.fullmatch(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", value) is not None and len(value) <= 63

    try:
        Requirement("app", Operator.IN, (value,))
    except ValueError:
        accepted = False
    else:
        accepted = True
    assert accepted is is_good
