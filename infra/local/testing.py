"""`stack.py test` and `stack.py exec`: a throw-away PostgreSQL and moto, and an environment without anybody's real keys."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import cargo
import embedder
import moto_server
import postgres
from console import Failure, Progress, say
from processes import Children
from providers import without_keys
from settings import REPO, Settings, path_with_venv, without_cloud

CLIENT_TESTS = Path("tests") / "clients"
LOCAL_STACK_TESTS = Path("tests") / "local_stack"
RECORDED_TRAFFIC = REPO.parent / "shared" / "traffic"


def test(settings: Settings, arguments: Sequence[str]) -> int:
    """Runs `cargo test` and the tests in Python; with arguments, only `cargo test` with these. Returns the exit code."""
    progress = Progress(6, done=1)
    with _services(settings, progress) as env:
        selection = list(arguments) or ["--workspace", "--no-fail-fast"]
        # Some tests start the functions themselves, which `cargo test` alone would not build.
        with progress.step("Building the functions (cargo build)"):
            cargo.build(["build", "--workspace", "--bins"], settings, progress, env)
        with progress.step("Building the tests (cargo test --no-run)"):
            cargo.build(["test", "--no-run", *_build_part(selection)], settings, progress, env)
        failed = [] if _run(["cargo", "test", *selection], env) == 0 else ["cargo test"]
        if not arguments:
            pytest = [settings.python, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "-v", LOCAL_STACK_TESTS, CLIENT_TESTS]
            failed += [] if _run(pytest, env) == 0 else ["the tests in Python"]
    if failed:
        raise Failure(f"failed: {' and '.join(failed)} (the reasons are above)")
    say("All tests passed.")
    return 0


def execute(settings: Settings, command: Sequence[str]) -> int:
    """Runs a command with the tests' services and environment; returns its exit code."""
    if not command:
        raise Failure("what should run? stack.py exec -- COMMAND ...")
    progress = Progress(4, done=1)
    with _services(settings, progress) as env:
        try:
            return subprocess.run(command, env=env, check=False).returncode
        except OSError as error:
            raise Failure(f"{command[0]} cannot be run: {error.strerror}") from error


@contextmanager
def _services(settings: Settings, progress: Progress) -> Iterator[dict[str, str]]:
    """PostgreSQL and moto on a folder of their own, so that several test runs and a `make run` do not meet."""
    children = Children()
    try:
        with _folder(settings) as folder:
            env = _environment(settings)
            env["SUPERGATE_TEST_EMBEDDER"] = str(embedder.ensure(settings, progress))
            with progress.step("PostgreSQL"):
                log = settings.log("test-postgres")
                server = postgres.start(folder / "pg", postgres.FOR_TESTS, log, children, progress)
                env["SUPERGATE_TEST_DATABASE_URL"] = server.url("postgres")
            with progress.step("KMS and DynamoDB (moto)"):
                log = settings.log("test-moto")
                endpoint = moto_server.start(settings, folder, log, children, env)
                env |= moto_server.variables(endpoint)
            try:
                yield env
            finally:
                children.stop()
    finally:
        children.stop()


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    """A folder that is locked while it is used, and removed after; also removes what killed runs left behind."""
    for old in settings.state.glob("test-*/lock"):
        with old.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(old.parent, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=settings.state))
    folder.chmod(0o711)  # PostgreSQL passes through as another user when we are root
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _environment(settings: Settings) -> dict[str, str]:
    """The caller's environment without provider keys, AWS credentials and settings of the gateway."""
    env = without_keys(without_cloud(os.environ))
    env = {name: value for name, value in env.items() if not name.startswith("SUPERGATE_")}
    env["PATH"] = path_with_venv(settings, os.environ)
    env["SUPERGATE_VENV_DIR"] = str(settings.venv)
    env["SUPERGATE_NODE_DIR"] = str(settings.node)
    env["SUPERGATE_TEST_PYTHON"] = str(settings.python)
    if not env.get("TRAFFIC") and RECORDED_TRAFFIC.is_dir():
        env["TRAFFIC"] = str(RECORDED_TRAFFIC)
    return env


def _build_part(arguments: Sequence[str]) -> list[str]:
    """What comes before `--` belongs to cargo; the rest is for the test binaries, which `--no-run` does not start."""
    return list(arguments[: arguments.index("--")]) if "--" in arguments else list(arguments)


def _run(command: Sequence[str | Path], env: Mapping[str, str]) -> int:
    say(f"\n$ {' '.join(str(part) for part in command)}")
    return subprocess.run(command, cwd=REPO, env=env, check=False).returncode
