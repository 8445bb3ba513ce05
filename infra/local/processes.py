"""Children of the local stack: each in its own session, with its own log, stopped by its pid and by nothing else."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console import Failure, Progress

POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """Another user to run a child as (PostgreSQL refuses to run as root)."""

    uid: int
    gid: int


class Child:
    """A process that this program started and will stop."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        *,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        cwd: Path | None = None,
        append: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        privileges = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
        if not append:
            log.write_bytes(b"")
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,  # a Ctrl-C in the terminal reaches us alone, and we stop in our own order
                preexec_fn=lambda: _die_with_parent(stop_signal),
                **privileges,
            )

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def require_alive(self) -> None:
        """Fails with the sentence for a child that ended by itself."""
        if self.ended():
            raise Failure(f"{self.name} ended by itself ({how(self.process.returncode)})", self.log)

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Polls until `ready`; fails when the child ends first or the time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.require_alive()
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} did not {what} within {seconds:.0f} s", self.log)
            time.sleep(POLL_SECONDS)

    def stop(self, patience: float = 10) -> None:
        """Asks once, waits, then kills the session's process group."""
        if not self.ended():
            _signal(self.process.pid, self._stop_signal)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                pass
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Children:
    """All children, in the order of their start; stopped in the opposite order."""

    def __init__(self) -> None:
        self._stops: list[Callable[[], None]] = []
        self._children: list[Child] = []

    def add(self, child: Child, stop: Callable[[], None] | None = None) -> Child:
        """Takes over a child; `stop` replaces the plain `child.stop`."""
        self._children.append(child)
        self._stops.append(stop or child.stop)
        return child

    def on_stop(self, action: Callable[[], None]) -> None:
        """Something to do at the end that is not a process, such as removing a folder."""
        self._stops.append(action)

    def require_alive(self) -> None:
        """Fails with the name of the first child that ended by itself."""
        for child in self._children:
            child.require_alive()

    def stop(self) -> None:
        """Stops all of them; a second Ctrl-C meanwhile changes nothing."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while self._stops:
            self._stops.pop()()


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    progress: Progress,
    env: Mapping[str, str] | None = None,
    *,
    account: Account | None = None,
    cwd: Path | None = None,
) -> int:
    """Runs a command with its output in a log, ticking while it takes long; returns its exit code."""
    child = Child(log.stem, command, log, env, account=account, cwd=cwd)
    tick = progress.ticker(lambda: last_line(log))
    try:
        while not child.ended():
            tick()
            time.sleep(POLL_SECONDS)
    finally:
        child.stop(patience=2)
    return child.process.returncode


def interruptible() -> None:
    """Makes SIGTERM and SIGHUP behave like Ctrl-C: an orderly stop wherever the program is."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, interrupt)


def how(code: int) -> str:
    """An exit code in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def last_line(log: Path) -> str:
    """The last line of a log that is being written."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2000))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _die_with_parent(number: signal.Signals) -> None:
    """Runs in the child: even when this program is killed outright, nothing it started stays behind (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass
