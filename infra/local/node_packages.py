"""The packages for Node that the client tests drive, as their lock file has them. Node itself is not installed."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from console import Failure, tail
from settings import REPO

SOURCES = REPO / "tests" / "clients" / "node"
MANIFESTS = ("package.json", "package-lock.json")
OLDEST_NODE = 20
INSTALL_SECONDS = 300


def missing() -> str | None:
    """Why nothing for Node can run here; none if it can."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return f"Node.js is not installed (node and npm, {OLDEST_NODE} or newer)"
    version = _version(node)
    if version is None or int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        return f"Node.js {OLDEST_NODE} or newer is needed, this is {version}"
    return None


def ensure(folder: Path, env: Mapping[str, str]) -> Path:
    """Installs the packages into `folder`, or leaves it alone when it already has them; returns its `node_modules`."""
    folder.mkdir(parents=True, exist_ok=True)
    # Two runs of the tests may come here together; the second waits for the first's packages.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = folder / "installed", _wanted()
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            for name in MANIFESTS:
                shutil.copyfile(SOURCES / name, folder / name)
            _install(folder, env)
            stamp.write_text(wanted)
    return folder / "node_modules"


def _install(folder: Path, env: Mapping[str, str]) -> None:
    """Exactly what the lock file has; none of it may run a program while it is installed."""
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]
    log = folder / "npm.log"
    with log.open("wb") as out:
        streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
        done = subprocess.run(command, cwd=folder, env=dict(env), timeout=INSTALL_SECONDS, check=False, **streams)
    if done.returncode != 0:
        raise Failure(f"npm could not install tests/clients/node/package-lock.json\n{tail(log)}\n", log)


def _wanted() -> str:
    contents = b"".join((SOURCES / name).read_bytes() for name in MANIFESTS)
    return hashlib.sha256(contents).hexdigest()


def _version(node: str) -> str | None:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
