"""What can be known to be wrong before anything is installed, built or started; standard library only."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from console import Failure
from settings import Settings


@contextmanager
def only_run(settings: Settings) -> Iterator[None]:
    """One `run` per state folder; the lock goes away with the process, however it ends."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "run.lock").open("a+") as lock:
        lock.seek(0)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"it already runs from {settings.state} (pid {lock.read().strip()}): stop that one first") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def require_free(port: int) -> None:
    """Fails when something else listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            other = port + 1 if port < 65535 else port - 1
            raise Failure(
                f"port {port} cannot be used ({error.strerror}): "
                f"stop what uses it, or choose another: SUPERGATE_PORT={other} make run"
            ) from error
