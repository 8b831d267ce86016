"""`python -m demo`, with CONTEXT and DEMO_HOLD from the environment.

Ends with 0 when all went as claimed, 1 when the demo could not be played, 2 when a claim did not hold, and as a shell
expects it when it was interrupted.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from demo.play import play
from demo.stage import own_cluster, users_cluster
from demo.terminal import Terminal
from environment import EnvironmentFailed

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Interrupted(KeyboardInterrupt):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def main() -> int:
    """Play the demo and return the exit status."""
    context, hold = os.environ.get("CONTEXT"), os.environ.get("DEMO_HOLD", "") not in ("", "0")
    nats_url = os.environ.get("TENURE_NATS_URL")
    for name in [name for name in os.environ if name.startswith("TENURE_")]:
        del os.environ[name]  # The operator gets options, and nothing else.
    terminal = Terminal()
    folder = Path(tempfile.mkdtemp(prefix="tenure-demo-"))
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    stage = users_cluster(context, nats_url, folder, terminal) if context else own_cluster(folder, terminal)
    try:
        is_good = play(stage, terminal, hold=hold, finish=_ignore_signals)
    except _Interrupted as interruption:
        terminal.say("Interrupted. What the demo had started is ended, and what it had made is taken away.")
        status = 128 + interruption.number
    except (EnvironmentFailed, TimeoutError) as failure:
        _ignore_signals()
        terminal.say(terminal.bad(f"The demo could not be played. {failure}"))
        status = 1
    else:
        status = 0 if is_good else 2
    if status in (1, 2) and any(folder.rglob("*.log")):
        terminal.say(f"The logs are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return status


def _interrupt(number: int, _: FrameType | None) -> None:
    """End the demo, once: the same signal must not interrupt what takes things away."""
    _ignore_signals()
    raise _Interrupted(number)


def _ignore_signals() -> None:
    # Not SIG_IGN, which the programs that are started from here on would inherit.
    for number in _SIGNALS:
        signal.signal(number, lambda *_: None)


if __name__ == "__main__":
    sys.exit(main())
