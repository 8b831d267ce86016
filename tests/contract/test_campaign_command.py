"""`tenure campaign` as a process, on a real nats-server: its program runs only while it leads."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nats
import pytest

from environment import NatsServer, wait_until
from environment.ports import LOOPBACK, free_ports

_LEASE_S = 3


class Campaigner:
    """One `tenure campaign`. Its program, hooks and itself write into one file, a line for each event."""

    def __init__(self, server: NatsServer, folder: Path, identity: str, *arguments: str) -> None:
        self.events_file = folder / "events"
        self.events_file.touch()
        self._log = folder / f"{identity}.log"
        command = [sys.executable, "-m", "tenure", "campaign", "--nats-url", server.url, "--election", "shop/web"]
        command += ["--identity", identity, "--lease-duration", str(_LEASE_S), *arguments]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env={**os.environ, "EVENTS": str(self.events_file)}, stdout=log, stderr=log
            )

    @property
    def events(self) -> list[str]:
        return self.events_file.read_text().splitlines()

    def wait_for(self, *events: str) -> None:
        wait_until(lambda: self.events == list(events), f"{events} instead of {self.events}")

    def end(self) -> int:
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        try:
            return self.process.wait(timeout=15)
        finally:
            self.process.kill()

    def has_logged(self, text: str) -> bool:
        return text in self._log.read_text()


Start = Callable[..., Campaigner]


@pytest.fixture
def start(server: NatsServer, tmp_path: Path) -> Iterator[Start]:
    started: list[Campaigner] = []

    def start(identity: str, *arguments: str) -> Campaigner:
        started.append(Campaigner(server, tmp_path, identity, *arguments))
        return started[-1]

    yield start
    for campaigner in started:
        if campaigner.process.poll() is None:
            campaigner.end()


def _program(*lines: str) -> tuple[str, ...]:
    """A shell program that notes its beginning and, when asked to end, its end."""
    note = 'echo "$TENURE_IDENTITY {} $TENURE_TERM" >> "$EVENTS"'
    trap = f"trap '{note.format('ends')}; exit 0' TERM"
    return (
        "--",
        "/bin/sh",
        "-c",
        "; ".join([trap, note.format("begins"), *(lines or ("while :; do sleep 0.05; done",))]),
    )


def test_the_program_runs_in_one_candidate_at_a_time_and_in_the_next_one_when_the_first_has_ended(start: Start) -> None:
    a = start("a", *_program())
    a.wait_for("a begins 1")
    b = start("b", *_program())

    assert a.end() == 0

    b.wait_for("a begins 1", "a ends 1", "b begins 2")
    assert b.end() == 0
    assert b.events[-1] == "b ends 2"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(("--", "/bin/sh", "-c", "exit 7"), 7, id="its own"),
        pytest.param(("--", "/bin/sh", "-c", "kill -KILL $$"), 128 + signal.SIGKILL, id="killed"),
        pytest.param(("--", "/does/not/exist"), 127, id="not found"),
        pytest.param(("--", "/dev/null"), 126, id="not executable"),
    ],
)
def test_the_exit_status_is_that_of_the_program(start: Start, arguments: tuple[str, ...], status: int) -> None:
    assert start("a", *arguments).wait() == status


def test_a_program_that_does_not_end_is_killed_before_the_lease_can_have_run_out(
    start: Start, server: NatsServer
) -> None:
    """NATS hangs, and so nobody knows of anything: what ends it are the deadline of the lease and a signal."""
    program = 'trap "" TERM; while :; do echo alive >> "$EVENTS"; sleep 0.05; done'
    a = start("a", "--", "/bin/sh", "-c", program)
    wait_until(lambda: a.events, "the program runs")

    server.process.pause()
    halted_s = time.monotonic()
    try:
        last = [len(a.events), time.monotonic()]

        def is_quiet() -> bool:
            if len(a.events) != last[0]:
                last[:] = [len(a.events), time.monotonic()]
            return time.monotonic() - last[1] > 1.0

        wait_until(is_quiet, "the program does nothing any more")
        assert last[1] - halted_s < _LEASE_S
    finally:
        server.process.resume()
    count = len(a.events)
    wait_until(lambda: len(a.events) > count, "it runs again")
    a.process.kill()  # It would take its ten seconds to end.


def test_hooks_are_called_around_the_program(start: Start) -> None:
    a = start(
        "a",
        *("--hook-became", 'echo "became $TENURE_TERM" >> "$EVENTS"'),
        *("--hook-lost", 'echo "lost $TENURE_TERM" >> "$EVENTS"'),
        *_program(),
    )
    a.wait_for("became 1", "a begins 1")

    a.end()

    assert a.events == ["became 1", "a begins 1", "a ends 1", "lost 1"]


def test_a_hook_that_fails_is_a_line_in_the_log_and_the_program_runs(start: Start) -> None:
    a = start("a", "--hook-became", "exit 3", *_program())

    a.wait_for("a begins 1")
    assert a.has_logged("The hook 'exit 3' ended with status 3")


def test_a_hook_is_given_up_when_the_end_is_asked_for_and_no_program_begins(start: Start) -> None:
    a = start(
        "a", "--hook-became", 'echo became >> "$EVENTS"; sleep 60', "--hook-lost", 'echo lost >> "$EVENTS"', *_program()
    )
    a.wait_for("became")

    assert a.end() == 0

    assert a.events == ["became", "lost"]


def test_a_hook_is_given_up_when_leadership_is_lost_and_no_program_begins(start: Start, server: NatsServer) -> None:
    hook = 'echo became >> "$EVENTS"; grep -q lost "$EVENTS" || sleep 60'
    a = start("a", "--hook-became", hook, "--hook-lost", 'echo lost >> "$EVENTS"', *_program())
    a.wait_for("became")

    server.process.pause()
    try:
        a.wait_for("became", "lost")
    finally:
        server.process.resume()

    a.wait_for("became", "lost", "became", "a begins 1")


def test_the_exit_status_of_a_follower_is_not_that_of_its_program_in_an_earlier_term(
    start: Start, server: NatsServer
) -> None:
    a = start("a", "--hook-lost", 'echo lost >> "$EVENTS"', "--", "/bin/sh", "-c", _ENDS_WITH_5)
    a.wait_for("begins")

    server.process.pause()
    try:
        a.wait_for("begins", "lost")
        assert a.end() == 0
    finally:
        server.process.resume()


_ENDS_WITH_5 = "trap 'exit 5' TERM; echo begins >> \"$EVENTS\"; while :; do sleep 0.05; done"


def test_the_exit_status_of_a_leader_that_is_asked_to_end_is_that_of_its_program(start: Start) -> None:
    a = start("a", "--", "/bin/sh", "-c", _ENDS_WITH_5)
    a.wait_for("begins")

    assert a.end() == 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_the_program_does_not_outlive_the_command(start: Start) -> None:
    a = start("a", "--", "/bin/sh", "-c", 'echo $$ >> "$EVENTS"; while :; do sleep 0.05; done')
    wait_until(lambda: a.events, "the program runs")
    program = Path("/proc") / a.events[0]

    a.process.kill()

    wait_until(lambda: not program.exists(), "the program has ended as well")


def test_who_leads_is_told_by_http(start: Start) -> None:
    ports = free_ports(2)
    a = start("a", "--listen", f"{LOOPBACK}:{ports[0]}")
    wait_until(lambda: _leader(ports[0])[0] == 200, "a leads")
    start("b", "--listen", f"{LOOPBACK}:{ports[1]}")
    wait_until(lambda: _leader(ports[1])[1].get("leader") == "a", "b knows it")

    status, told = _leader(ports[1])
    assert (status, told["isLeader"], told["term"], told["remainingSeconds"]) == (503, False, 1, 0)
    status, told = _leader(ports[0])
    assert (status, told["identity"], told["isLeader"], told["term"]) == (200, "a", True, 1)

    a.end()
    wait_until(lambda: _leader(ports[1])[0] == 200, "b leads")


@pytest.mark.parametrize("name", ["HUP", "QUIT", "USR1", "USR2", "ALRM", "CONT", "WINCH"])
def test_other_signals_reach_the_program(start: Start, name: str) -> None:
    program = f"trap 'exit 9' {name}; echo ready >> \"$EVENTS\"; while :; do sleep 0.05; done"
    a = start("a", "--", "/bin/sh", "-c", program)
    a.wait_for("ready")

    a.process.send_signal(signal.Signals[f"SIG{name}"])

    assert a.wait() == 9


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT"])
def test_without_a_program_hooks_tell_of_each_term_until_the_end_is_asked_for(
    start: Start, server: NatsServer, name: str
) -> None:
    hooks = [f'echo "$TENURE_IDENTITY {word} $TENURE_TERM" >> "$EVENTS"' for word in ("became", "lost")]
    arguments = ("--hook-became", hooks[0], "--hook-lost", hooks[1])
    a = start("a", *arguments)
    a.wait_for("a became 1")
    b = start("b", *arguments)

    a.process.send_signal(signal.Signals[f"SIG{name}"])

    assert a.wait() == 0
    b.wait_for("a became 1", "a lost 1", "b became 2")
    server.process.pause()
    try:
        b.wait_for("a became 1", "a lost 1", "b became 2", "b lost 2")
    finally:
        server.process.resume()


def test_a_follower_ends_when_it_is_asked_to_quit(start: Start) -> None:
    """It has no program that the signal could be for, even if it would run one as leader."""
    a = start("a", *_program())
    a.wait_for("a begins 1")
    b = start("b", *_program())
    wait_until(lambda: b.has_logged("a leads"), "b knows it")

    b.process.send_signal(signal.SIGQUIT)

    assert b.wait() == 0
    assert a.events == ["a begins 1"]


def test_as_the_first_process_of_a_container_it_leaves_no_zombies(start: Start, server: NatsServer) -> None:
    """An orphan of the program comes to it, as to the first process of a container, and is taken in when it ends."""
    program = 'sh -c "sleep 0.1 & echo orphaned >> $EVENTS" & wait; while :; do sleep 0.05; done'
    a = start("a", "--", sys.executable, "-c", _AS_SUBREAPER, server.url, program)
    wait_until(lambda: "orphaned" in a.events, "there is an orphan", timeout_s=20)

    wait_until(lambda: a.events[-1:] == ["no zombies"], "there are no zombies", timeout_s=20)


_AS_SUBREAPER = """
import ctypes, os, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what happens to the first process of a container
inner = subprocess.Popen([sys.executable, "-c", '''
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1)
campaign = ["campaign", "--nats-url", sys.argv[1], "--election", "shop/inner", "--lease-duration", "3"]
os.execv(sys.executable, [sys.executable, "-m", "tenure", *campaign, "--", "/bin/sh", "-c", sys.argv[2]])
''', *sys.argv[1:]])
def zombies():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
        except OSError:
            continue
        found += [pid] if fields[1] == str(inner.pid) and fields[0] == "Z" else []
    return found
events = os.environ["EVENTS"]
while "orphaned" not in open(events).read():
    time.sleep(0.05)
while True:
    time.sleep(1.0)
    if not zombies():
        print("no zombies", file=open(events, "a"))
        break
inner.terminate()
sys.exit(inner.wait())
"""


def test_it_waits_for_nats_and_can_be_stopped_meanwhile(start: Start, server: NatsServer) -> None:
    server.stop()
    (port,) = free_ports(1)
    a = start("a", "--listen", f"{LOOPBACK}:{port}", "--", "true")
    wait_until(lambda: a.has_logged("No NATS server can be reached"), "it says what it waits for")
    status, told = _leader(port)
    assert (status, told["isLeader"], told["leader"], told["term"]) == (503, False, "", 0)

    assert a.end() == 0


def test_a_bucket_that_cannot_hold_leases_ends_it_with_a_sentence(start: Start, server: NatsServer) -> None:
    _make_bucket(server, "short", ttl_s=5)
    a = start("a", "--bucket", "short", "--", "true")

    assert a.wait() == 1
    assert a.has_logged("tenure: The bucket short cannot hold leases. It forgets records after 5 s (max_age)")


def _make_bucket(server: NatsServer, name: str, *, ttl_s: int) -> None:
    async def make() -> None:
        client = await nats.connect(server.url)
        await client.jetstream().create_key_value(bucket=name, ttl=ttl_s)
        await client.close()

    asyncio.run(make())


def _leader(port: int) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2.0)
    try:
        connection.request("GET", "/leader")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()


def test_a_second_signal_does_not_keep_it_from_ending_in_order(start: Start) -> None:
    """However late it comes, and however many there are."""
    a = start("a", *_program())
    a.wait_for("a begins 1")

    while a.process.poll() is None:
        a.process.terminate()
        time.sleep(0.002)  # Without any pause it would do nothing but take signals.

    assert a.process.returncode == 0
    assert a.events == ["a begins 1", "a ends 1"]
