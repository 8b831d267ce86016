"""Label selectors as a line of text, as kubectl takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.selector import Operator, Requirement, Selector, parse_selector

_WEB = Requirement("app", Operator.IN, ("web",))


@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("", []),
        ("  ", []),
        ("app=web", [_WEB]),
        ("app==web", [_WEB]),
        ("app = web", [_WEB]),
        ("app=", [Requirement("app", Operator.IN, ("",))]),
        ("app!=web", [Requirement("app", Operator.NOT_IN, ("web",))]),
        ("app", [Requirement("app", Operator.EXISTS)]),
        ("!app", [Requirement("app", Operator.DOES_NOT_EXIST)]),
        ("! app", [Requirement("app", Operator.DOES_NOT_EXIST)]),
        ("app in (a,)", [Requirement("app", Operator.IN, ("a", ""))]),
        ("app in (web)", [_WEB]),
        ("app in (web, db)", [Requirement("app", Operator.IN, ("web", "db"))]),
        ("app in(web,db)", [Requirement("app", Operator.IN, ("web", "db"))]),
        ("app notin (web)", [Requirement("app", Operator.NOT_IN, ("web",))]),
        ("in in (in)", [Requirement("in", Operator.IN, ("in",))]),
        ("example.com/app_x=Web.1", [Requirement("example.com/app_x", Operator.IN, ("Web.1",))]),
        (
            "app=web, tier in (a,b),!canary,zone",
            [
                _WEB,
                Requirement("tier", Operator.IN, ("a", "b")),
                Requirement("canary", Operator.DOES_NOT_EXIST),
                Requirement("zone", Operator.EXISTS),
            ],
        ),
    ],
)
def test_a_selector_that_kubectl_takes(text: str, requirements: list[Requirement]) -> None:
    assert parse_selector(text) == Selector(tuple(requirements))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("app is web", "'app is web' is not a label key"),
        ("app=my web", "is not a label"),
        ("app=web=db", "the value 'web=db' of 'app' is not a label value"),
        ("=web", "is not a label key"),
        ("!", "is not a label key"),
        ("!!app", "'!app' is not a label key"),
        ("!app=web", "is not a label key"),
        ("app===web", "the value '=web' of 'app' is not a label value"),
        ("app in a, b)", "is not a label key"),
        ("app in web", "is not a label key"),
        ("app in (web", "is not a label key"),
        ("app in (web) db", "is not a label key"),
        ("app in (my web)", "the value 'my web' of 'app' is not a label value"),
        ("cpus>4", "is not a label key"),
        ("app=web,", "'' is not a label key"),
        (",app", "'' is not a label key"),
        (",", "'' is not a label key"),
    ],
)
def test_a_selector_that_it_does_not_take_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="is not a label") as refusal:
        parse_selector(text)

    assert sentence in str(refusal.value)


_names = st.from_regex(r"[a-z]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
_requirements = st.one_of(
    st.builds(
        Requirement,
        _names,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(_names, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Requirement, _names, st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST])),
)


@given(st.lists(_requirements, max_size=4))
def test_every_selector_has_a_text_that_leads_back_to_it(requirements: list[Requirement]) -> None:
    selector = Selector(tuple(requirements))

    assert parse_selector(str(selector)) == selector


@given(st.text())
def test_no_text_brings_anything_but_a_selector_or_a_refusal(text: str) -> None:
    try:
        selector = parse_selector(text)
    except ValueError:
        return
    assert isinstance(selector, Selector)
