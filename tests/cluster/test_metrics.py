"""What Prometheus and the kubelet see of an operator at work."""

from __future__ import annotations

from pathlib import Path

from cluster_support import MakeOperator, Operator, Scene
from cluster_support.scene import SHORT, role_key
from environment import NatsServer, wait_until
from environment.ports import free_ports
from tenure import __version__


def _name(scene: Scene) -> str:
    return f"{scene.namespace}/web"


def _has_renewed(operator: Operator) -> bool:
    return operator.metrics().value("tenure_lease_renewal_duration_seconds_count") >= 1


def test_every_metric_has_the_value_that_the_election_has(scene: Scene, make_operator: MakeOperator) -> None:
    """Through an election, a hand-over and a forged label, until the election is deleted and its series are gone."""
    operator = make_operator().start()
    web = {"namespace": scene.namespace, "election": "web"}
    scene.run_pods(3)
    scene.elect(lease=SHORT)
    first = scene.wait_for_leader()
    scene.wait(lambda: len(scene.followers()) == 2, "the others are followers")
    before = operator.metrics()
    assert before.series("tenure_election_transitions_total", **web) == [({"reason": "Elected"}, 1)]
    assert before.value("tenure_hand_over_duration_seconds_count") == 0

    scene.delete_pod(first)
    leader = scene.wait_for_leader(but=first)
    scene.wait(lambda: len(scene.followers()) == 2 and len(scene.pods) == 3, "the first one is back")
    forged = next(pod for pod in scene.followers() if pod.name != first.name)
    scene.forge(forged, {role_key(): "leader"})
    scene.wait(lambda: scene.pod(forged.name).role() == "follower", "the label is repaired")
    scene.wait(lambda: scene.election().status["eligible"] == 3, "all three are eligible")
    scene.wait(lambda: _has_renewed(operator), "the lease has been renewed")

    now = operator.metrics()
    assert now.series("tenure_election_leader_info", **web) == [({"pod": leader.name}, 1)]
    assert now.value("tenure_election_term", **web) == scene.election().term == 2
    assert now.value("tenure_election_has_leader", **web) == 1
    assert now.value("tenure_election_candidates", **web) == 3
    assert now.value("tenure_election_eligible_candidates", **web) == 3
    transitions = now.series("tenure_election_transitions_total", **web)
    assert sorted((labels["reason"], count) for labels, count in transitions) == [("Elected", 1), ("PodTerminating", 1)]
    assert now.value("tenure_drift_repairs_total", **web) == 1
    assert now.value("tenure_hand_over_duration_seconds_count") == 1
    assert 0 < now.value("tenure_hand_over_duration_seconds_sum") < 10
    for name in ("duration", "lateness"):
        assert now.value(f"tenure_lease_renewal_{name}_seconds_count") >= 1
        assert 0 < now.value(f"tenure_lease_renewal_{name}_seconds_sum") < 10
    written = sum(line["message"] == "Labels written" for line in operator.log())
    assert now.value("tenure_label_writes_total", result="applied") == written
    assert now.value("tenure_label_writes_total", result="refused") == 0
    # The marker, a claim, the release, the next claim and a renewal.
    assert now.value("tenure_nats_requests_total", operation="write", result="ok") >= 5
    assert now.value("tenure_nats_requests_total", operation="read", result="ok") >= 1
    assert now.value("tenure_nats_connected") == 1
    assert now.value("tenure_operator_leader") == 1
    assert now.series("tenure_mailbox_depth") != []
    assert now.value("tenure_build_info", version=__version__) == 1
    assert now.value("process_resident_memory_bytes") > 0

    # One line for each change, and one for the repair; renewals and label writes are for --log-level debug.
    said = [line for line in operator.log() if line["level"] != "debug" and line.get("election") == _name(scene)]
    assert [line["message"] for line in said] == [
        f"{first.name} leads, term 1.",
        f"{first.name} no longer leads: term 1 ended (PodTerminating).",
        f"{leader.name} leads, term 2.",
        "Labels repaired that somebody else had changed",
    ]

    scene.delete_election()
    scene.wait(
        lambda: not [sample for sample in operator.metrics().samples if "election" in sample.labels],
        "the series of the election are gone",
    )


def test_without_nats_the_operator_is_healthy_and_not_ready(
    scene: Scene, make_operator: MakeOperator, tmp_path: Path
) -> None:
    """A restart would not bring NATS back. A leader whose pod ends meanwhile is shown as one no more.

    Nothing that is said about it all has the login of the URL in it.
    """
    web, port = {"namespace": scene.namespace, "election": "web"}, free_ports(1)[0]
    with NatsServer(tmp_path / "nats", port=port):
        operator = make_operator(nats_url=f"nats://anna:open-sesame@127.0.0.1:{port}").start()
        scene.run_pods(2)
        scene.elect()
        leader = scene.wait_for_leader()
        assert operator.metrics().value("tenure_election_has_leader", **web) == 1
        assert operator.health() == (200, "ok")

    wait_until(lambda: operator.readiness() == (503, "waiting for NATS: the connection is lost"), "it is not ready")
    scene.delete_pod(leader)
    scene.wait(lambda: not operator.metrics().value("tenure_election_has_leader", **web), "nobody leads")
    assert operator.metrics().value("tenure_nats_connected") == 0
    assert operator.metrics().series("tenure_election_leader_info", **web) == []
    assert operator.health() == (200, "ok")
    wait_until(lambda: operator.has_logged("No NATS server can be reached"), "it has tried to reach NATS again")

    with NatsServer(tmp_path / "nats", port=port):
        operator.wait_until_ready()
        scene.wait_for_leader(but=leader)
        scene.wait(lambda: operator.metrics().value("tenure_election_has_leader", **web), "there is a leader again")
        assert operator.metrics().value("tenure_nats_connected") == 1
        operator.stop()
    log = operator.process.log.read_text()
    assert f"127.0.0.1:{port}" in log
    assert "anna" not in log
    assert "open-sesame" not in log
