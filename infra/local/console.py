"""What a person sees: numbered steps, ticks while something takes long, and failures in one line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TICK_SECONDS = 10


class Failure(Exception):
    """Something the person at the terminal can act on: one line, and where to read more."""

    def __init__(self, line: str, log: Path | None = None) -> None:
        super().__init__(line)
        self.log = log

    def __str__(self) -> str:
        line = super().__str__()
        return f"{line} (log: {self.log})" if self.log else line


def say(text: str = "") -> None:
    """Prints at once, also into a pipe."""
    print(text, flush=True)


def complain(failure: Failure) -> None:
    """The last line of a run that failed."""
    print(f"supergate: {failure}", file=sys.stderr, flush=True)


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, indented, for a failure that the log explains better than we can."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


class Progress:
    """Prints `[2/6] PostgreSQL ... 1 s`, with a line every ten seconds while a step is still going."""

    def __init__(self, total: int, done: int = 0) -> None:
        self._total = total
        self._done = done
        self._mid_line = False

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Numbers a step, and prints what it took; prints no time for a step that failed."""
        self._done += 1
        head = f"[{self._done}/{self._total}] {what}"
        print(f"{head} ... ", end="", flush=True)
        self._mid_line = True
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self.break_line()
            raise
        took = f"{time.monotonic() - started:.0f} s"
        say(took if self._mid_line else f"{head}: {took}")
        self._mid_line = False

    def break_line(self) -> None:
        """Ends the step's line, because something else is about to be printed."""
        if self._mid_line:
            say()
            self._mid_line = False

    def note(self, text: str) -> None:
        """A line under the current step."""
        self.break_line()
        say(f"      {text}")

    def ticker(self, last_line: Callable[[], str]) -> Callable[[], None]:
        """A function to call often; it prints `last_line()` once every ten seconds."""
        started = time.monotonic()
        due = started + TICK_SECONDS

        def tick() -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due:
                due += TICK_SECONDS
                self.note(f"{now - started:.0f} s: {last_line()[:100] or 'still going'}")

        return tick
