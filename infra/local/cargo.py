"""Building with cargo: its own output on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from console import Failure, Progress, tail
from processes import run_logged
from settings import REPO, Settings

NO_CARGO = "cargo was not found: install Rust with rustup (https://rustup.rs), then run this again"


def require() -> None:
    """Fails in one line when Rust is not installed."""
    if shutil.which("cargo") is None:
        raise Failure(NO_CARGO)


def build(arguments: Sequence[str], settings: Settings, progress: Progress, env: Mapping[str, str] | None = None) -> None:
    """`cargo build` or whatever `arguments` say."""
    command = ["cargo", *arguments]
    log = settings.log("build")
    shown = " ".join(command)
    if sys.stderr.isatty():
        progress.break_line()
        if subprocess.run(command, cwd=REPO, env=env, check=False).returncode != 0:
            raise Failure(f"the build failed; the errors are above (`{shown}` shows them again)")
    elif run_logged(command, log, progress, env, cwd=REPO) != 0:
        progress.break_line()
        print(tail(log, 40), flush=True)
        raise Failure(f"the build failed (`{shown}` shows it again)", log)


def target_directory() -> Path:
    """Where cargo puts what it builds: CARGO_TARGET_DIR, its configuration, or target/."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"cargo cannot read the workspace: {done.stderr.strip()[-300:]}")
    return Path(json.loads(done.stdout)["target_directory"])
