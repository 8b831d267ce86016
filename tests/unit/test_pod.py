"""Pods as elections look at them: their labels and their identity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.election.labels import parse_term, role_key, term_key
from tenure.election.pod import Pod, PodRef, parse_identity
from tenure.election.record import MAX_TERM
from unit.builders import a_pod


@pytest.mark.parametrize(
    ("value", "term"),
    [
        ("1", 1),
        ("57", 57),
        ("10", 10),
        (str(MAX_TERM), MAX_TERM),
        (str(MAX_TERM + 1), None),
        ("9" * 16, None),
        ("1" + "0" * 16, None),
        ("9" * 5000, None),
        (None, None),
        ("", None),
        ("0", None),
        ("007", None),
        ("+7", None),
        ("-7", None),
        ("7.0", None),
        ("7e3", None),
        ("1_000", None),
        (" 7", None),
        ("7\n", None),
        ("seven", None),
        ("\N{ARABIC-INDIC DIGIT SEVEN}", None),
        ("\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_a_term_label_is_a_canonical_decimal_or_not_ours(value: str | None, term: int | None) -> None:
    assert parse_term(value) == term


@given(st.integers(1, MAX_TERM))
def test_every_term_is_read_as_it_is_written(term: int) -> None:
    assert parse_term(str(term)) == term


@given(st.text(max_size=20))
def test_no_other_text_is_a_term(value: str) -> None:
    term = parse_term(value)

    assert term is None or (str(term) == value and 1 <= term <= MAX_TERM)


def test_the_labels_of_an_election_bear_its_name() -> None:
    assert (role_key("web"), term_key("web")) == ("role.tenure.dev/web", "term.tenure.dev/web")


def test_a_pod_shows_its_labels_for_each_election_apart() -> None:
    pod = a_pod(role="leader", term=7)

    assert (pod.role("web"), pod.term("web")) == ("leader", "7")
    assert (pod.role("db"), pod.term("db")) == (None, None)
    bare = Pod("web-0", "uid", 1, None)
    assert (bare.role("web"), bare.term("web")) == (None, None)


@pytest.mark.parametrize(
    ("identity", "ref"),
    [
        ("web-0_0b9f-41", PodRef("web-0", "0b9f-41")),
        ("a_b_uid", PodRef("a_b", "uid")),
        ("", None),
        ("web-0", None),
        ("_uid", None),
        ("web-0_", None),
        ("_", None),
    ],
)
def test_an_identity_of_ours_names_a_pod(identity: str, ref: PodRef | None) -> None:
    assert parse_identity(identity) == ref


@given(st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?", fullmatch=True), st.uuids().map(str))
def test_the_identity_of_a_pod_leads_back_to_it(name: str, uid: str) -> None:
    pod = a_pod(name, uid=uid)

    assert parse_identity(pod.identity) == pod.ref == PodRef(name, uid)
