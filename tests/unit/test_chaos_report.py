"""What a chaos run amounts to in numbers, and how it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos.__main__ import main
from chaos.history import Change, History, Injected, Phase
from chaos.judge import Violation
from chaos.plan import Crew, Kind, RoundKind
from chaos.report import Table, summarize


def _pod(at_s: float, *, leads: bool) -> Change:
    labels = {"app": "e01", **({"role.tenure.dev/e01": "leader"} if leads else {})}
    metadata = {"name": "e01-0", "uid": "u", "resourceVersion": str(int(at_s)), "labels": labels}
    return Change(
        at_s, "pods", "u", {"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    )


def _history() -> History:
    """A leader is lost for 2 s with NATS away, for 3 s with the API away as well, and for 4 s with the other crew."""
    lost = [(1, 2), (10, 12), (20, 23), (110, 114)]
    return History(
        changes=[
            _pod(at_s, leads=leads) for began_s, ended_s in lost for at_s, leads in ((began_s, False), (ended_s, True))
        ],
        faults=[
            Injected(Kind.NATS_OUTAGE, "nats-1 nats-2 nats-3", 9.0, 11.0),
            Injected(Kind.NATS_OUTAGE, "nats-1 nats-2 nats-3", 19.0, 22.0),
            Injected(Kind.API_RESTART, "kube-apiserver", 21.0, 22.0),
            Injected(Kind.POD_DELETE, "e01-0", 9.5, 9.5),
        ],
        phases=[Phase(RoundKind.SINGLE, Crew.REPLICAS, 5.0, 100.0), Phase("rest", Crew.ALL_ACT, 105.0, 120.0)],
    )


def test_a_time_without_a_leader_counts_for_each_thing_that_was_broken() -> None:
    found = summarize(_history(), [], seed=7, facts={"Run": "seed 7"}).as_json()

    def row(crew: Crew, name: str) -> list[str]:
        return next(list(row.values())[1:] for row in found["timesWithoutLeader"][crew] if row["Broken"] == name)

    assert row(Crew.REPLICAS, Kind.NATS_OUTAGE) == ["1", "2.00", "2.00", "1", "3.00", "3.00"]
    assert row(Crew.REPLICAS, Kind.API_RESTART) == ["0", "", "", "1", "3.00", "3.00"]
    assert row(Crew.REPLICAS, "nothing else") == ["0", "", "", "0", "", ""]
    assert row(Crew.ALL_ACT, "nothing else") == ["1", "4.00", "4.00", "0", "", ""]


def test_faults_are_counted_and_timed_by_kind() -> None:
    found = summarize(_history(), [], seed=7, facts={}).as_json()

    outages = next(row for row in found["faults"] if row["Fault"] == Kind.NATS_OUTAGE)
    assert list(outages.values()) == ["all NATS servers killed", "2", "2.50", "3.00"]
    assert found["faults"][-1]["Times"] == "4"


def test_the_verdict_says_how_many_violations_there_are_and_names_each() -> None:
    good = str(summarize(_history(), [], seed=7, facts={}))
    bad = str(summarize(_history(), [Violation(1.0, "G3: two leaders.")], seed=7, facts={}))

    assert good.startswith("No violations.")
    assert bad.startswith("1 violation.")
    assert "Violation: at 1.000 s: G3: two leaders." in bad


def test_a_table_is_aligned() -> None:
    table = Table(("Fault", "Times"), (("killed", "1"), ("cut", "12")))

    assert str(table) == "| Fault  | Times |\n| ------ | ----: |\n| killed |     1 |\n| cut    |    12 |"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--for", "soon"], "'soon' is no length of time up to a day: write for instance 90s, 10m or 1h"),
        (["--for", "0"], "'0' is no length of time"),
        (["--for", "25h"], "'25h' is no length of time"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--report", "/nowhere/report.md"], "there is no folder /nowhere: make it first"),
    ],
)
def test_bad_arguments_are_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    monkeypatch.setattr("sys.argv", ["chaos", *arguments])

    with pytest.raises(SystemExit) as exit_:
        main()

    assert exit_.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("content", "status"), [(None, 1), ("{}", 1), ("[]", 1), ("good", 0), ("bad", 2)])
def test_a_kept_history_is_judged_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: Any, status: int
) -> None:
    file = tmp_path / "history.json"
    if content in ("good", "bad"):
        History(complaints=["It ended."] if content == "bad" else []).save(file)
    elif content is not None:
        file.write_text(json.dumps(json.loads(content)))
    monkeypatch.setattr("sys.argv", ["chaos", "--judge", str(file)])

    assert main() == status
    said = capsys.readouterr()
    assert ("is no history of a run" in said.err) == (status == 1)
    assert ("Violation: It ended." in said.out) == (status == 2)
