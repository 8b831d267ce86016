"""The operator as its users run it: a process of its own, with a port for probes and a log."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from cluster_support.scrape import Scrape
from environment import Environment, Process
from environment.ports import LOOPBACK, free_ports

_READY_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 5.0
_METRICS_TIMEOUT_S = 30.0


class MakeOperator(Protocol):
    """Makes an operator of the scene's namespace, not started yet, with these arguments beside its own."""

    def __call__(self, *arguments: str, **settings: Any) -> Operator:
        """See `Operator` for the settings."""
        ...


class Operator:
    """One `tenure run`. It can be stopped, killed and started again, any number of times, and keeps one log.

    `check` fails on any line at level error, any traceback, and anything that is no log line at all, since the last
    check.
    """

    def __init__(
        self,
        environment: Environment,
        folder: Path,
        *,
        namespace: str | None = None,
        bucket: str | None = None,
        kubeconfig: Path | None = None,
        nats_url: str | None = None,
        arguments: Sequence[str] = (),
        started_by: Sequence[str] = (),
        name: str = "operator",
    ) -> None:
        self._port = free_ports(1)[0]
        self.listens_on = f"{LOOPBACK}:{self._port}"
        self.bucket = bucket or "leader-elections"
        self._checked = 0
        command = [
            *(*started_by, sys.executable, "-m", "tenure", "run"),
            *("--nats-url", nats_url or environment.nats_url),
            *("--kubeconfig", str(kubeconfig or environment.kubeconfig)),
            *("--listen", self.listens_on),
            *("--log-level", "debug", "--log-format", "json"),
            *(("--namespace", namespace) if namespace else ()),
            *("--bucket", self.bucket),
            *arguments,
        ]
        self.process = Process(name, command, log=folder / f"{name}.log")

    def start(self, *, wait: bool = True) -> Self:
        """Start it, and return when it says that it is ready."""
        self.process.start()
        if wait:
            self.wait_until_ready()
        return self

    def ensure_running(self) -> None:
        """Start it, or let it go on if a test left it halted, and return when it says that it is ready."""
        if self.process.running:
            self.process.resume()
        else:
            self.process.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when /readyz says ok."""
        self.process.wait_until(lambda: self.readiness()[0] == 200, "the operator is ready", timeout_s=_READY_TIMEOUT_S)

    def stop(self) -> float:
        """Ask it to end (SIGTERM), and return how many seconds that took. It has to end with exit status 0."""
        if not self.process.running:
            return 0.0
        child = self.process._child
        began_s = time.monotonic()
        self.process.request_stop()
        ended = self.process.wait(timeout_s=_STOP_TIMEOUT_S)
        took_s = time.monotonic() - began_s
        if not ended:
            self.process.kill()
        assert ended, f"The operator did not end within {_STOP_TIMEOUT_S:g} s.\n{self.process.last_log_lines()}"
        assert child is not None
        assert child.returncode == 0, f"The operator ended with {child.returncode}.\n{self.process.last_log_lines()}"
        return took_s

    def run_to_the_end(self, *, timeout_s: float = 10.0) -> tuple[int, str]:
        """Run it until it ends by itself, and return its exit status and what it wrote that is no log line."""
        done = subprocess.run(
            self.process.command, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )
        lines = (done.stdout + done.stderr).splitlines()
        return done.returncode, "\n".join(line for line in lines if _parse(line)["level"] == "raw")

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self.process.kill()

    def pause(self) -> None:
        """Halt it: it keeps its connections and does nothing."""
        self.process.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.process.resume()

    def interrupt(self) -> None:
        """Send it what Ctrl-C sends."""
        self.process._signal(signal.SIGINT)

    def readiness(self) -> tuple[int, str]:
        """The answer of /readyz; 0 while nothing listens there."""
        return self._get("/readyz")

    def health(self) -> tuple[int, str]:
        """The answer of /healthz; 0 while nothing listens there."""
        return self._get("/healthz")

    def report(self, election: str = "") -> dict[str, Any]:
        """What it says of itself, and of the lease of an election (NAMESPACE/NAME)."""
        status, text = self._get(f"/status?election={election}")
        assert status == 200, text
        report = json.loads(text)
        assert isinstance(report, dict)
        return report

    def metrics(self) -> Scrape:
        """What /metrics shows now. Of ten thousand elections it takes a while."""
        status, text = self._get("/metrics", timeout_s=_METRICS_TIMEOUT_S)
        assert status == 200, text
        return Scrape(text)

    def _get(self, path: str, *, timeout_s: float = 2.0) -> tuple[int, str]:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=timeout_s)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode().strip()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def wait_for_complaint(self) -> str:
        """Return the sentence in which it says what it waits for."""

        def complaints() -> list[str]:
            return [str(line["message"]) for line in self.log() if str(line["message"]).startswith("Waiting: ")]

        self.process.wait_until(complaints, "the operator says what it waits for", timeout_s=_READY_TIMEOUT_S)
        return complaints()[0]

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log so far; a line that is no JSON object has level "raw"."""
        try:
            text = self.process.log.read_text(errors="replace")
        except FileNotFoundError:
            return []
        return [_parse(line) for line in text.split("\n")[:-1]]

    def has_logged(self, words: str, **facts: object) -> bool:
        """Whether a line says this, with these facts beside it."""
        return any(
            words in str(line["message"]) and all(line.get(name) == value for name, value in facts.items())
            for line in self.log()
        )

    def check(self) -> None:
        """Fail if something went wrong in it since the last check, by its own log."""
        lines = self.log()
        new, self._checked = lines[self._checked :], len(lines)
        wrong = [
            line
            for line in new
            if line["level"] in ("error", "critical", "raw") or "traceback" in line or "Traceback" in str(line)
        ]
        assert not wrong, f"{self.process.log} has:\n" + "\n".join(json.dumps(line) for line in wrong[:10])


def _parse(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) and "level" in parsed else {"level": "raw", "message": line}
