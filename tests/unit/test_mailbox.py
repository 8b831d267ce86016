"""What an election has not been told yet: the latest of all that is state, every result, in a fixed order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenure.election.entry import Entry
from tenure.election.inputs import (
    ConnectionChanged,
    EntrySeen,
    Input,
    LeaseRead,
    LeaseWritten,
    NodesCordoned,
    PodGone,
    PodsComplete,
    PodSeen,
    ResourceReadFailed,
    ResourceSeen,
    RouteSeen,
    SlicesListed,
    StatusWritten,
    WriteOutcome,
)
from tenure.runtime.mailbox import Mailbox
from unit.builders import a_pod, a_resource


def _entry(revision: int, connection: int = 1) -> EntrySeen:
    return EntrySeen(Entry(revision, b"{}", 0.0), connection)


def _taken(*posted: Input) -> list[Input]:
    mailbox = Mailbox()
    for one in posted:
        mailbox.put(one)
    taken = mailbox.take()
    assert mailbox.take() == [], "what was taken is still there"
    return taken


def test_an_empty_mailbox_has_nothing() -> None:
    assert _taken() == []


def test_the_depth_is_what_will_be_taken() -> None:
    mailbox = Mailbox()
    depths = [mailbox.depth]

    for one in (ConnectionChanged(1), _entry(7), _entry(8), PodSeen(a_pod("a")), PodsComplete(), LeaseRead(None)):
        mailbox.put(one)
        depths.append(mailbox.depth)
    mailbox.put(ResourceSeen(a_resource()))

    assert depths == [0, 1, 2, 2, 3, 4, 5]
    assert mailbox.depth == len(mailbox.take()) == 6
    assert mailbox.depth == 0


def test_of_what_is_state_only_the_latest_is_kept() -> None:
    old, new = a_pod("a", version=1), a_pod("a", version=2)

    assert _taken(ConnectionChanged(1), ConnectionChanged(0), ConnectionChanged(2)) == [ConnectionChanged(2)]
    assert _taken(_entry(7), _entry(8)) == [_entry(8)]
    assert _taken(ResourceSeen(a_resource(version=1)), ResourceSeen(a_resource(version=2))) == [
        ResourceSeen(a_resource(version=2))
    ]
    assert _taken(PodSeen(old), PodSeen(new), PodSeen(a_pod("b"))) == [PodSeen(new), PodSeen(a_pod("b"))]
    assert _taken(PodsComplete(), PodsComplete()) == [PodsComplete()]


def test_a_pod_that_is_gone_stays_gone() -> None:
    pod = a_pod("a")

    assert _taken(PodSeen(pod), PodGone(pod.uid)) == [PodGone(pod.uid)]
    assert _taken(PodGone(pod.uid), PodSeen(pod)) == [PodGone(pod.uid)]
    assert _taken(PodGone(pod.uid), PodSeen(a_pod("a", uid="another"))) == [
        PodGone(pod.uid),
        PodSeen(a_pod("a", uid="another")),
    ]


def test_no_result_is_lost_however_many_there_are() -> None:
    results: list[Input] = [
        LeaseWritten(WriteOutcome.APPLIED, 8),
        LeaseRead(None),
        StatusWritten(None),
        ResourceReadFailed(),
        LeaseRead(None),
    ]

    assert _taken(*results) == results


def test_a_resource_that_was_read_is_a_result_and_not_replaced_by_the_watch() -> None:
    read, seen = ResourceSeen(a_resource(version=2), read_at_s=5.0), ResourceSeen(a_resource(version=1))

    assert _taken(read, seen) == [seen, read]


def test_an_entry_comes_after_its_connection_and_the_resource_and_all_pods_before_their_end() -> None:
    pod, result = PodSeen(a_pod("a")), LeaseWritten(WriteOutcome.UNKNOWN)
    resource = ResourceSeen(a_resource())

    assert _taken(result, PodsComplete(), pod, resource, _entry(7, connection=2), ConnectionChanged(2)) == [
        ConnectionChanged(2),
        resource,
        _entry(7, connection=2),
        pod,
        PodsComplete(),
        result,
    ]


_names = st.sampled_from(["a", "b"])
_inputs: st.SearchStrategy[Input] = st.one_of(
    st.builds(ConnectionChanged, st.integers(0, 3)),
    st.builds(_entry, st.integers(1, 4), st.integers(1, 3)),
    st.builds(lambda version: ResourceSeen(a_resource(version=version)), st.integers(1, 4)),
    st.builds(lambda name, version: PodSeen(a_pod(name, version=version)), _names, st.integers(1, 4)),
    st.builds(lambda name: PodGone(a_pod(name).uid), _names),
    st.just(PodsComplete()),
    st.builds(lambda revision: LeaseWritten(WriteOutcome.APPLIED, revision), st.integers(1, 4)),
    st.just(ResourceReadFailed()),
)


def _subject(happened: Input) -> object:
    """What an input is the state of; None for a result, of which every one counts."""
    match happened:
        case PodSeen(pod):
            return pod.uid
        case PodGone(uid):
            return uid
        case ConnectionChanged() | EntrySeen() | ResourceSeen() | PodsComplete():
            return type(happened)
        case _:
            return None


@given(st.lists(_inputs, max_size=30))
def test_the_latest_of_each_subject_and_all_results_are_taken_once(posted: list[Input]) -> None:
    taken = _taken(*posted)

    latest: dict[object, Input] = {}
    for one in posted:
        subject = _subject(one)
        if subject is not None and not isinstance(latest.get(subject), PodGone):
            latest[subject] = one
    results = [one for one in posted if _subject(one) is None]
    assert [one for one in taken if _subject(one) is None] == results
    assert {_subject(one): one for one in taken if _subject(one) is not None} == latest
    assert len(taken) == len(latest) + len(results)


def test_of_what_is_around_only_the_latest_is_kept_in_the_order_in_which_it_came() -> None:
    several = [RouteSeen("Service/web", version) for version in range(1000)]
    listed, seen_later = SlicesListed({"EndpointSlice/a": 7}), RouteSeen("EndpointSlice/a", 8)
    nodes = [NodesCordoned(frozenset()), NodesCordoned(frozenset({"node-1"}))]

    taken = _taken(seen_later, *several, nodes[0], SlicesListed({}), listed, nodes[1], RouteSeen("EndpointSlice/a", 9))

    assert taken == [several[-1], listed, nodes[1], RouteSeen("EndpointSlice/a", 9)]
