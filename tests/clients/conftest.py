"""A real local stack for the client tests: `stack.py run` on a free port, with a state folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

REPO = Path(__file__).resolve().parents[2]
STACK = REPO / "infra" / "local" / "stack.py"
sys.path.insert(0, str(STACK.parent))

import postgres  # noqa: E402  (the stack's own module: where the programs of PostgreSQL are)
import providers  # noqa: E402

# Everything is built before, inside `make test`; by hand the first start may have to build.
START_SECONDS = 900
STOP_SECONDS = 60


class Stack:
    """One `stack.py run`, as a person would start it."""

    def __init__(self, state: Path, port: int) -> None:
        self.state = state
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.extra: dict[str, str] = {}
        self._output = state.with_suffix(".out")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def api_key(self) -> str:
        """What demo.env says."""
        return self._demo("SUPERGATE_API_KEY")

    def _demo(self, name: str) -> str:
        lines = (self.state / "demo.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[name]

    def call(self, method: str, path: str, key: str, body: dict[str, object]) -> dict[str, object]:
        """A call of an administrator."""
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            parsed: dict[str, object] = json.load(answer)
            return parsed

    def new_tenant(self, name: str) -> str:
        """Another tenant; its key."""
        return str(self.call("POST", "/v1/tenant", self._demo("SUPERGATE_OPERATOR_KEY"), {"name": name})["api_key"])

    def without_cache(self) -> Stack:
        """Most tests ask the same again and look at what became of it: the demo tenant's prompts are not cached."""
        self.call("PATCH", "/v1/tenant", self.api_key, {"settings": {"cache_prompts": False}})
        return self

    @property
    def output(self) -> str:
        """What the stack has printed since its last start."""
        return self._output.read_text()

    def start(self) -> Stack:
        """Starts it and waits for the sentence that says it is ready."""
        with self._output.open("wb") as output:
            command = [sys.executable, STACK, "run"]
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=self.environment(), cwd=REPO)
        eventually(self._is_ready, START_SECONDS, "the stack is ready")
        return self

    def environment(self) -> dict[str, str]:
        """No provider key and no address: every provider is mocked."""
        ours = {"SUPERGATE_STATE_DIR": str(self.state), "SUPERGATE_PORT": str(self.port), "SUPERGATE_VENV_DIR": sys.prefix}
        hidden = {name for key in providers.KEY_VARIABLES.items() for name in (key[1], providers.url_variable(key[0]))}
        return {name: value for name, value in os.environ.items() if name not in hidden} | ours | self.extra

    def processes(self) -> list[psutil.Process]:
        """The stack and all it started."""
        assert self._process is not None
        top = psutil.Process(self._process.pid)
        return [top, *top.children(recursive=True)]

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ctrl-C, or another signal; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(STOP_SECONDS)

    def sql(self, query: str) -> str:
        """Asks the stack's database as its superuser, whom row-level security does not bind."""
        socket_dir = (self.state / "pg" / "postmaster.pid").read_text().splitlines()[4]
        command = [postgres.BIN / "psql", "-XAtq", "-h", socket_dir, "-U", "postgres", "-d", "supergate", "-c", query]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the stack ended:\n{self.output}"
        return "Ctrl-C stops everything." in self.output


def eventually(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Polls, because the other side gives no sign; fails with `what` when the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def free_port() -> int:
    """A port that nothing uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all tests that only talk to it."""
    running = Stack(tmp_path_factory.mktemp("stack") / "state", free_port())
    try:
        yield running.start().without_cache()
    finally:
        running.stop()
