"""Where things are and what the environment asks for; read once, at the start."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console import Failure

REPO = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 9000


@dataclass(frozen=True)
class Settings:
    """Paths of the local stack. Everything it keeps is below `state`; deleting that folder resets it."""

    state: Path
    venv: Path
    node: Path
    port: int

    @classmethod
    def load(cls, env: Mapping[str, str]) -> Settings:
        """Reads SUPERGATE_STATE_DIR, SUPERGATE_VENV_DIR, SUPERGATE_NODE_DIR and SUPERGATE_PORT."""
        state = Path(env.get("SUPERGATE_STATE_DIR") or REPO / ".local").absolute()
        venv = Path(env.get("SUPERGATE_VENV_DIR") or state / "venv").absolute()
        node = Path(env.get("SUPERGATE_NODE_DIR") or state / "node").absolute()
        return cls(state=state, venv=venv, node=node, port=_port(env.get("SUPERGATE_PORT")))

    @property
    def logs(self) -> Path:
        """Every child writes one file here, begun anew at each start."""
        return self.state / "logs"

    @property
    def python(self) -> Path:
        """The virtual environment's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def url(self) -> str:
        """What callers use as the gateway's address."""
        return f"http://127.0.0.1:{self.port}"

    def log(self, name: str) -> Path:
        """The log of one name; makes the folder, so that the caller can open the file."""
        self.logs.mkdir(parents=True, exist_ok=True)
        return self.logs / f"{name}.log"


def functions() -> list[str]:
    """The Lambda functions: every folder in functions/ is one, and gives its name to the package and the binary."""
    return sorted(path.parent.name for path in (REPO / "functions").glob("*/Cargo.toml"))


def database_role(function: str) -> str:
    """The role that a function signs in to the database as, `none` for one that knows no database: Cargo.toml has the table."""
    manifest = tomllib.loads((REPO / "Cargo.toml").read_text())
    roles = manifest["workspace"]["metadata"]["supergate"]["database-roles"]
    if function not in roles:
        raise Failure(f"Cargo.toml names no database role for the function {function} ([workspace.metadata.supergate.database-roles])")
    return str(roles[function])


def write_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner may read. Under another name first: a killed start leaves the old one or the new one."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    os.replace(new, path)


def without_cloud(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that could reach a real AWS account, or send loopback calls to a proxy."""
    clean = {name: value for name, value in env.items() if not name.startswith("AWS_")}
    for name in ("NO_PROXY", "no_proxy"):
        clean[name] = ",".join(filter(None, [clean.get(name), "127.0.0.1", "localhost"]))
    return clean


def _port(text: str | None) -> int:
    if not text:
        return DEFAULT_PORT
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise Failure(f"SUPERGATE_PORT is {text!r}; it must be a number from 1 to 65535")


def path_with_venv(settings: Settings, env: Mapping[str, str]) -> str:
    """PATH with the virtual environment first: `cargo lambda` looks for `cargo-lambda` there."""
    return os.pathsep.join([str(settings.venv / "bin"), env.get("PATH", os.defpath)])
