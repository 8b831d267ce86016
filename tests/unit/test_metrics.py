"""The text that Prometheus gets: what docs/metrics.md lists, for each election as it stands at the scrape."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from model.bucket import ModelBucket
from model.lease_store import Fault, ModelLeaseStore
from tenure import __version__
from tenure.election.end_of_term import EndOfTerm
from tenure.election.inputs import LabelOutcome
from tenure.election.resource import Status
from tenure.metrics import ELECTIONS_AT_A_TIME, REQUEST_RESULTS, ElectionFigures, Metrics, Readings
from tenure.nats.bucket import BucketSettings
from tenure.nats.connection import NatsSettings
from tenure.nats.store import StoreError
from tenure.runtime.leases import Leases
from tenure.runtime.witness import ELECTED, REASONS
from unit.virtual_time import run

_DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()

_LED = ElectionFigures(
    "shop",
    "web",
    Status(term=7, candidates=3, eligible=2),
    leader="web-0",
    transitions={"Elected": 1, "PodGone": 2},
    drift_repairs=4,
)
_VACANT = ElectionFigures("shop", "db", Status(term=9, candidates=1))

Series = dict[tuple[str, ...], float]


def _metrics(*elections: ElectionFigures, **readings: Any) -> Metrics:
    return Metrics(lambda: Readings(elections=elections, **readings))


def _scrape(metrics: Metrics) -> dict[str, tuple[str, Series]]:
    """Type and values of each metric that the text has, by name; the values by the values of their labels."""
    text = run(metrics.render()).decode()
    found: dict[str, tuple[str, Series]] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name not in found, f"{name} stands there twice"
        assert family.documentation
        assert {sample.name for sample in family.samples} <= {f"{name}{suffix}" for suffix in _SUFFIXES}
        found[name] = family.type, {tuple(sample.labels.values()): sample.value for sample in family.samples}
    return found


_SUFFIXES = ("", "_bucket", "_sum", "_count")


def test_the_document_lists_every_metric_with_its_type_and_labels_and_no_other() -> None:
    text = run(_metrics(_LED).render()).decode()
    exposed = {}
    for family in text_string_to_metric_families(text):
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        exposed[name] = family.type, labels
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", _DOCUMENT, re.MULTILINE)
    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}

    assert listed == {name: facts for name, facts in exposed.items() if not name.startswith("process_")}
    assert "process_resident_memory_bytes" in exposed


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("tenure_label_writes_total", [outcome.name.lower() for outcome in LabelOutcome]),
        ("tenure_nats_requests_total", [*REQUEST_RESULTS, *REQUEST_RESULTS["read"], *REQUEST_RESULTS["write"]]),
    ],
)
def test_the_document_lists_every_value_of_a_label_and_no_other(metric: str, values: list[str]) -> None:
    row = next(line for line in _DOCUMENT.splitlines() if line.startswith(f"| `{metric}`"))

    assert set(re.findall(r"`(\w+)`", row)) - {metric, "operation", "result"} == set(values)


def test_a_change_of_leadership_has_one_of_the_reasons_of_the_readme_or_is_a_first_one() -> None:
    assert set(EndOfTerm) | {ELECTED} == REASONS


def test_the_series_of_an_election_are_those_of_its_figures() -> None:
    found = _scrape(_metrics(_LED, _VACANT))

    web, db = ("shop", "web"), ("shop", "db")
    assert {name: series for name, (_, series) in found.items() if "_election_" in name or "_drift_" in name} == {
        "tenure_election_leader_info": {(*web, "web-0"): 1},
        "tenure_election_term": {web: 7, db: 9},
        "tenure_election_has_leader": {web: 1, db: 0},
        "tenure_election_candidates": {web: 3, db: 1},
        "tenure_election_eligible_candidates": {web: 2, db: 0},
        "tenure_election_transitions_total": {(*web, "Elected"): 1, (*web, "PodGone"): 2},
        "tenure_drift_repairs_total": {web: 4, db: 0},
    }


def test_without_an_election_there_is_no_series_of_one() -> None:
    found = _scrape(_metrics())

    assert found["tenure_election_term"] == ("gauge", {})


def test_the_event_loop_gets_its_turn_while_many_elections_are_written() -> None:
    elections = [ElectionFigures("shop", f"web-{number}") for number in range(2 * ELECTIONS_AT_A_TIME + 1)]
    turns = 0

    async def scenario() -> int:
        rendering = asyncio.ensure_future(_metrics(*elections).render())
        nonlocal turns
        while not rendering.done():
            turns += 1
            await asyncio.sleep(0)
        return rendering.result().count(b"tenure_election_term{")

    assert run(scenario()) == len(elections)
    assert turns > 3 * 5  # Three times for each metric that has a value for each of them.


def test_what_belongs_to_the_process() -> None:
    found = _scrape(_metrics(acts=True, mailbox_depth=12, nats_connected=True))

    assert found["tenure_mailbox_depth"] == ("gauge", {(): 12})
    assert found["tenure_operator_leader"] == ("gauge", {(): 1})
    assert found["tenure_nats_connected"] == ("gauge", {(): 1})
    assert found["tenure_build_info"] == ("gauge", {(__version__,): 1})


def test_requests_to_nats_are_counted_by_their_result() -> None:
    metrics = _metrics()

    async def scenario() -> None:
        store = ModelLeaseStore(ModelBucket(lambda: 0.0))
        leases = _leases(metrics)
        leases._store = store  # type: ignore[assignment]
        store.faults.extend([None, Fault.REFUSED, Fault.LOST, Fault.UNANSWERED])
        for _ in range(5):
            await _attempt(leases, write=True)
        store.reads_to_fail = 2
        for _ in range(5):
            await _attempt(leases, write=False)

    run(scenario())
    assert _scrape(metrics)["tenure_nats_requests_total"][1] == {
        ("read", "ok"): 3,
        ("read", "unavailable"): 2,
        ("write", "ok"): 1,
        ("write", "unavailable"): 1,
        ("write", "unknown"): 2,
        ("write", "wrong_revision"): 1,
    }


def _leases(metrics: Metrics) -> Leases:
    return Leases(NatsSettings(urls=("nats://127.0.0.1:1",)), BucketSettings(), count=metrics.count_request)


async def _attempt(leases: Leases, *, write: bool) -> None:
    try:
        if write:
            await leases.write("shop.web", b"{}", expected_revision=0, connection=1, timeout_s=1.0)
        else:
            await leases.read("shop.web", timeout_s=1.0)
    except StoreError:
        pass
