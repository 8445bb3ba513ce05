"""The virtual environment with the pinned packages of requirements.txt; standard library only, for it runs before them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console import Failure, Progress, tail
from processes import run_logged
from settings import Settings

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
OLDEST_PYTHON = (3, 11)
NO_VENV = "this Python cannot make virtual environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)"


def running_inside(settings: Settings) -> bool:
    """Whether this interpreter is the virtual environment's own."""
    return Path(sys.prefix).resolve() == settings.venv.resolve()


def ensure(settings: Settings, progress: Progress) -> None:
    """Makes the environment, or leaves it alone when it already has exactly the required packages."""
    if sys.version_info < OLDEST_PYTHON:
        raise Failure(f"Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer is needed, this is {sys.version.split()[0]}")
    with progress.step("Python packages"), _one_at_a_time(settings):
        if _is_current(settings):
            return
        log = settings.log("pip")
        if settings.venv.exists() and not _looks_like_venv(settings.venv):
            raise Failure(f"{settings.venv} is not a virtual environment; SUPERGATE_VENV_DIR must name one or a new folder")
        pip = _create(settings, log, progress)
        # Compiling all modules takes longer than everything else; Python compiles the few that are used when they are.
        quietly = ["--disable-pip-version-check", "--no-input", "--no-compile"]
        install = [*pip, "install", *quietly, "--requirement", REQUIREMENTS]
        if run_logged(install, log, progress, env=_pip_environment()) != 0:
            progress.break_line()
            print(tail(log), flush=True)
            raise Failure("pip could not install infra/local/requirements.txt", log)
        _stamp(settings).write_text(_wanted())


def pip(settings: Settings) -> list[str | Path]:
    """A pip that works: the environment's own, or where that has none (Debian's python3), the one of the Python that made it."""
    own = [settings.python, "-m", "pip"]
    has_own = subprocess.run([*own, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return own if has_own.returncode == 0 else [Path(sys.base_prefix) / "bin" / "python3", "-m", "pip"]


def _create(settings: Settings, log: Path, progress: Progress) -> list[str | Path]:
    """Makes an empty environment; returns the pip command that installs into it."""
    make = [sys.executable, "-m", "venv", "--clear"]
    own_pip = [settings.python, "-m", "pip"]
    if run_logged([*make, settings.venv], log, progress) == 0:
        return own_pip
    # Debian's python3 comes without ensurepip; a pip that lives elsewhere can fill the environment all the same.
    foreign_pip = [sys.executable, "-m", "pip", "--python", settings.python]
    without_pip = run_logged([*make, "--without-pip", settings.venv], log, progress) == 0
    if without_pip and run_logged([*foreign_pip, "--version"], log, progress) == 0:
        return foreign_pip
    if os.geteuid() == 0 and shutil.which("apt-get"):
        progress.note("installing python3-venv with apt-get")
        run_logged(["apt-get", "update"], log, progress)
        run_logged(["apt-get", "install", "--yes", "--no-install-recommends", "python3-venv"], log, progress)
        if run_logged([*make, settings.venv], log, progress) == 0:
            return own_pip
    raise Failure(NO_VENV)


def _is_current(settings: Settings) -> bool:
    try:
        if _stamp(settings).read_text() != _wanted():
            return False
        return subprocess.run([settings.python, "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def _wanted() -> str:
    version = ".".join(str(part) for part in sys.version_info[:2])
    return f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()} python{version}\n"


def _stamp(settings: Settings) -> Path:
    return settings.venv / "supergate-requirements"


def _looks_like_venv(folder: Path) -> bool:
    """`venv --clear` empties the folder, so a mistaken SUPERGATE_VENV_DIR must not get that far."""
    return (folder / "pyvenv.cfg").exists() or not any(folder.iterdir())


def _pip_environment() -> dict[str, str]:
    """pip's own configuration holds (index, proxy, cache); only what would put the packages elsewhere is dropped."""
    elsewhere = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in elsewhere}


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    """`make run` and `make test` may be started together; the second waits for the first's packages."""
    settings.venv.parent.mkdir(parents=True, exist_ok=True)
    with settings.venv.with_name(settings.venv.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
