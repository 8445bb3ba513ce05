"""Alerts, as the functions log them: in a deployment they go to a topic, here to the terminal."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

from console import say
from settings import Settings

# The functions that tell alerts.
TELLERS = ("chat-completions", "embeddings", "sweeper")
POLL_SECONDS = 1.0


def print_in_background(settings: Settings) -> None:
    """Prints each alert that a function logs from now on, until the program ends."""
    logs = [settings.log(name) for name in TELLERS]
    threading.Thread(target=_follow, args=(logs,), daemon=True).start()


def read(line: str) -> str | None:
    """What a line of a log tells as an alert; none if it is of something else."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, dict) or fields.get("message") != "an alert":
        return None
    return f"alert: {fields.get('alert')} {fields.get('detail')}"


def _follow(logs: list[Path]) -> None:
    ends = {log: log.stat().st_size if log.exists() else 0 for log in logs}
    while True:
        time.sleep(POLL_SECONDS)
        for log in logs:
            ends[log] = _print_new(log, ends[log])


def _print_new(log: Path, begin: int) -> int:
    """Prints the alerts behind that place; gives the place behind the last whole line."""
    try:
        with log.open("rb") as file:
            file.seek(begin)
            whole, newline, _ = file.read().rpartition(b"\n")
    except OSError:
        return begin
    for line in whole.decode(errors="replace").splitlines():
        if (alert := read(line)) is not None:
            say(alert)
    return begin + len(whole) + len(newline)
