"""The alternative: candidates of client-go's leader election, each of which labels its own pod."""

from __future__ import annotations

import subprocess
from pathlib import Path

from environment import EnvironmentFailed
from environment.binaries import peer_binary

LABEL = "peer"
LEADER = "leader"

_END_TIMEOUT_S = 10.0


class Peer:
    """One process with all candidates of a namespace; see `tests/environment/binaries/peer/main.go`.

    It ends with its stdin, so also when this process is killed.
    """

    def __init__(self, kubeconfig: Path, namespace: str, *, log: Path) -> None:
        self._log = log
        with log.open("ab") as file:
            self._child = subprocess.Popen(
                [peer_binary(), f"-kubeconfig={kubeconfig}", f"-namespace={namespace}"],
                stdin=subprocess.PIPE, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def start_candidate(self, election: str, pod: str) -> None:
        """Begin to campaign for a pod, under a new identity."""
        self._tell(f"start {election} {pod}")

    def end_candidate(self, pod: str) -> None:
        """Tell a candidate to end, as a kubelet would."""
        self._tell(f"end {pod}")

    def kill_candidate(self, pod: str) -> None:
        """Make a candidate vanish: it does nothing any more."""
        self._tell(f"kill {pod}")

    def stop(self) -> None:
        """End it, and all candidates with it. It may be called again."""
        assert self._child.stdin is not None
        if not self._child.stdin.closed:
            self._child.stdin.close()
        try:
            self._child.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(_END_TIMEOUT_S)

    def _tell(self, command: str) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(f"{command}\n".encode())
            self._child.stdin.flush()
        except OSError:
            raise EnvironmentFailed(f"The peer has ended: {self._log.read_text()[-2000:]}") from None
