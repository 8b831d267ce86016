"""What the demo prints: steps with their seconds, commands with their output, and colours only for a terminal."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator

_ERASE = "\r\033[K"
_FIRST_NEWS_S = 2.0
_REWRITE_EVERY_S = 0.1
_PRINT_EVERY_S = 10.0


class Terminal:
    """Writes to stdout. On a terminal a step counts its seconds while it lasts; elsewhere it says so every ten."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._has_colours = self._is_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def say(self, text: str = "") -> None:
        """Print a line."""
        print(text, flush=True)

    def bold(self, text: str) -> str:
        """Return the text, emphasized."""
        return self._styled("1", text)

    def faint(self, text: str) -> str:
        """Return the text, made less important."""
        return self._styled("2", text)

    def good(self, text: str) -> str:
        """Return the text as good news."""
        return self._styled("32", text)

    def bad(self, text: str) -> str:
        """Return the text as bad news."""
        return self._styled("31", text)

    def ran(self, command: str, output: str) -> None:
        """Show a command and what it printed."""
        self.say(f"\n{self.bold(f'$ {command}')}")
        self.say(output.rstrip())

    @contextlib.contextmanager
    def step(self, doing: str, done: Callable[[], str] | str) -> Iterator[None]:
        """Count the seconds of a step; at its end, say what is `done`."""
        began_s = time.monotonic()
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(doing, began_s, ended), daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
        self.say(_line(time.monotonic() - began_s, done if isinstance(done, str) else done()))

    def _tick(self, doing: str, began_s: float, ended: threading.Event) -> None:
        wait_s = _REWRITE_EVERY_S if self._is_terminal else _FIRST_NEWS_S
        while not ended.wait(wait_s):
            text = _line(time.monotonic() - began_s, f"{doing} ...")
            if self._is_terminal:
                width = shutil.get_terminal_size().columns - 1
                print(f"{_ERASE}{text[:width]}", end="", flush=True)
            else:
                self.say(text)
                wait_s = _PRINT_EVERY_S
        if self._is_terminal:
            print(_ERASE, end="", flush=True)

    def _styled(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._has_colours else text


def _line(elapsed_s: float, text: str) -> str:
    return f"{elapsed_s:8.1f} s  {text}"
