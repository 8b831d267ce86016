"""What a user sees of an election: status, labels, endpoints and events, through all that happens to its pods."""

from __future__ import annotations

import pytest

from cluster_support import Scene

pytestmark = pytest.mark.usefixtures("everywhere")


def _is_served_by_leader_only(scene: Scene) -> bool:
    leader = scene.leader()
    return leader is not None and scene.endpoints() == [leader.address]


# --------------------------------------------------------------------------------------------------------- the election


def test_g5_a_leader_is_elected_and_shown_in_the_status(scene: Scene) -> None:
    scene.run_pods(3)
    scene.elect()

    leader = scene.wait_for_leader()
    scene.wait(lambda: scene.election().status["eligible"] == 3, "all three are eligible")

    election = scene.election()
    status = election.status
    assert status["leader"] == {
        "holderIdentity": leader.identity,
        "podName": leader.name,
        "podUID": leader.uid,
        "nodeName": "node-0",
    }
    assert election.term == 1
    assert election.floor >= 1
    assert election.observed
    assert (status["candidates"], status["unfenced"]) == (3, [])
    assert {
        kind: election.condition(kind) for kind in ("Accepted", "LeaderElected", "LeaseHeld", "Routed", "Suspended")
    } == {
        "Accepted": "True (Accepted)",
        "LeaderElected": "True (Elected)",
        "LeaseHeld": "True (Held)",
        "Routed": "True (Routed)",
        "Suspended": "False (Active)",
    }
    assert election.condition("Ready") == "True (Ready)"
    lines = scene.environment.kubectl("get", "le", "-n", scene.namespace).splitlines()
    assert lines[0].split() == ["NAME", "LEADER", "TERM", "CANDIDATES", "READY", "AGE"]
    assert lines[1].split()[:-1] == ["web", "web-0", "1", "3", "True"]


def test_every_candidate_carries_its_role_and_no_other_pod_does(scene: Scene) -> None:
    scene.run_pods(3)
    scene.run_pods(1, name="other")
    scene.elect()

    leader = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")

    assert {pod.role() for pod in scene.pods if pod.labels["app"] == "web"} == {"leader", "follower"}
    assert leader.term() == str(scene.election().term)
    assert not any("tenure.dev" in key for key in scene.pod("other-0").labels)


def test_the_service_has_exactly_the_leader_as_its_endpoint(scene: Scene) -> None:
    scene.serve()
    scene.run_pods(3)
    scene.elect()
    first = scene.wait_for_leader()
    scene.wait(lambda: _is_served_by_leader_only(scene), "the leader is the endpoint")

    scene.delete_pod(first)

    scene.wait_for_leader(but=first)
    scene.wait(lambda: _is_served_by_leader_only(scene), "the new leader is the endpoint")


def test_events_tell_of_leaders(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect()
    first = scene.wait_for_leader()
    scene.delete_pod(first)
    second = scene.wait_for_leader(but=first)

    scene.wait(lambda: len(scene.events()) >= 3, "three events are there")

    events = [(event["type"], event["reason"], event["related"]["uid"]) for event in scene.events()]
    assert sorted(events) == sorted(
        [
            ("Normal", "LeaderElected", first.uid),
            ("Normal", "LeaderLost", first.uid),
            ("Normal", "LeaderElected", second.uid),
        ]
    )
    described = scene.environment.kubectl("describe", "le", "web", "-n", scene.namespace)
    assert f"{second.name} leads, term 2." in described


def test_two_elections_on_the_same_pods_are_independent(scene: Scene) -> None:
    scene.run_pods(3)
    scene.elect("one", selector={"matchLabels": {"app": "web"}})
    scene.elect("two", selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]})
    one, two = scene.wait_for_leader("one"), scene.wait_for_leader("two")
    assert one.name == two.name == "web-0"

    scene.delete_election("two")
    scene.wait(lambda: all(pod.role("two") is None for pod in scene.pods), "the roles of `two` are gone")

    assert scene.leader("one") is not None
    assert scene.election("one").term == 1
    scene.delete_pod(one)
    scene.wait_for_leader("one", but=one)


# ----------------------------------------------------------------------------------------------------------- hand-overs


def test_g3_the_leaders_deletion_hands_over(scene: Scene) -> None:
    scene.run_pods(3)
    scene.elect()
    first = scene.wait_for_leader()

    scene.delete_pod(first)

    second = scene.wait_for_leader(but=first)
    assert second.name in {"web-1", "web-2"}
    assert scene.election().term == 2
    ended = scene.election().status["history"][0]
    assert (ended["term"], ended["podName"], ended["holderIdentity"], ended["reason"]) == (
        1,
        first.name,
        first.identity,
        "PodTerminating",
    )


def test_g3_leadership_moves_through_many_deletions(scene: Scene) -> None:
    scene.run_pods(3)
    scene.elect()
    leader = scene.wait_for_leader()

    for _ in range(6):
        scene.delete_pod(leader)
        leader = scene.wait_for_leader(but=leader)

    assert scene.election().term >= 7


def test_a_leader_that_is_not_ready_is_replaced_while_another_one_is(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect()
    first = scene.wait_for_leader()

    scene.set_ready(first, ready=False)

    second = scene.wait_for_leader(but=first)
    assert second.name == "web-1"
    assert scene.election().status["history"][0]["reason"] == "PodNotReady"
    scene.wait(lambda: scene.pod("web-0").role() == "follower", "the former leader is a follower")

    scene.set_ready(scene.pod("web-0"), ready=True)

    scene.wait(lambda: scene.election().status["eligible"] == 2, "both are eligible again")
    assert scene.leader() is not None
    assert scene.election().leader_uid == second.uid


def test_a_leader_that_is_not_ready_stays_while_no_other_one_is(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect()
    first = scene.wait_for_leader()

    scene.set_ready(scene.pod("web-1"), ready=False)
    scene.wait(lambda: scene.election().status["eligible"] == 1, "only the leader is eligible")
    scene.set_ready(first, ready=False)

    scene.wait(lambda: scene.election().status["eligible"] == 0, "none is eligible")
    assert scene.election().term == 1
    leader = scene.leader()
    assert leader is not None
    assert leader.uid == first.uid


def test_g2_a_pod_that_comes_back_under_its_name_is_a_new_candidate_with_a_new_term(scene: Scene) -> None:
    scene.run_pods(1)
    scene.elect()
    first = scene.wait_for_leader()

    scene.delete_pod(first)

    second = scene.wait_for_leader(but=first)
    assert second.name == first.name
    assert second.uid != first.uid
    assert scene.election().holder == second.identity
    assert scene.election().term >= 2


def test_g2_g5_all_pods_gone_and_back(scene: Scene) -> None:
    scene.serve()
    scene.run_pods(3)
    scene.elect()
    scene.wait_for_leader()

    scene.scale(0)

    scene.wait_for_condition("LeaderElected", "False (NoCandidates)")
    scene.wait(lambda: not scene.pods, "all pods are gone")
    assert scene.election().holder is None
    assert scene.election().condition("Ready") == "False (NoCandidates)"
    scene.wait(lambda: not scene.endpoints(), "there is no endpoint")
    term = scene.election().term

    scene.scale(3)

    scene.wait_for_leader(after=term)
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    scene.wait(lambda: _is_served_by_leader_only(scene), "the leader is the endpoint")


def test_a_leader_that_finishes_is_replaced(scene: Scene) -> None:
    """As the pod of a Job does: it is there, and neither terminating nor a candidate any more."""
    scene.run_pod("first")
    scene.run_pod("second")
    scene.elect()
    first = scene.wait_for_leader()

    scene.finish(first)

    second = scene.wait_for_leader(but=first)
    ended = scene.election().status["history"][0]
    assert (ended["term"], ended["podName"], ended["reason"]) == (1, first.name, "PodFinished")
    scene.wait(lambda: scene.pod(first.name).role() is None, "it has no role any more")
    scene.wait(lambda: scene.election().status["candidates"] == 1, "it is no candidate")
    scene.finish(second)
    scene.wait_for_condition("LeaderElected", "False (NoCandidates)")
    assert scene.election().term >= 2


def test_an_election_without_pods_says_so_and_elects_the_first_one(scene: Scene) -> None:
    scene.elect()
    scene.wait_for_condition("LeaderElected", "False (NoCandidates)")

    scene.run_pods(1)

    assert scene.wait_for_leader().name == "web-0"


def test_scaling_changes_the_leader_only_when_it_goes(scene: Scene) -> None:
    scene.run_pods(2)
    scene.elect()
    first = scene.wait_for_leader()
    assert first.name == "web-0"

    scene.scale(5)
    scene.wait(lambda: len(scene.followers()) == 4, "four are followers")
    scene.scale(1)
    scene.wait(lambda: len(scene.pods) == 1 and scene.election().status["candidates"] == 1, "one is left")

    assert scene.election().term == 1
    assert scene.election().leader_uid == first.uid
