"""Progress for a person, on stderr: one line that is rewritten on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time

_LOG_EVERY_S = 10.0
_REWRITE_EVERY_S = 0.5


class Progress:
    """Says what is happening, with the seconds since it was made."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()
        self._terminal = sys.stderr.isatty()

    @property
    def elapsed_s(self) -> float:
        """Seconds since this progress began."""
        return time.monotonic() - self._started_s

    def say(self, sentence: str) -> None:
        """Print a line that stays."""
        erase = "\r\033[K" if self._terminal else ""
        print(f"{erase}{sentence}", file=sys.stderr, flush=True)

    def follow(self, process: subprocess.Popen[str], doing: str) -> list[str]:
        """Read the process's output to its end, showing the count and the last of its lines. Returns all of them."""
        assert process.stdout is not None
        lines: list[str] = []
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(lines, doing, ended), daemon=True)
        ticker.start()
        try:
            lines.extend(line.rstrip() for line in process.stdout)
            process.wait()
        finally:
            ended.set()
            ticker.join()
        return lines

    def _tick(self, lines: list[str], doing: str, ended: threading.Event) -> None:
        every_s = _REWRITE_EVERY_S if self._terminal else _LOG_EVERY_S
        while not ended.wait(every_s):
            latest = f", step {len(lines)}: {lines[-1]}" if lines else ""
            text = f"{doing}: {self.elapsed_s:.0f} s{latest}"
            if self._terminal:
                width = shutil.get_terminal_size().columns - 1
                print(f"\r\033[K{text[:width]}", end="", file=sys.stderr, flush=True)
            else:
                print(text, file=sys.stderr, flush=True)
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
