"""`stack.py run`: everything a gateway needs, started in order, watched, and stopped on Ctrl-C."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

import alerts
import cargo
import demo
import embedder
import moto_server
import platform_keys
import postgres
import preflight
import providers
import watch
from console import Failure, Progress, say
from processes import Children
from settings import Settings, database_role, functions, path_with_venv, without_cloud, write_secret

STEPS = 7  # the first, the Python packages, is done before this module can be loaded
DATABASE = "supergate"
CHECK_SECONDS = 0.5


def run(settings: Settings) -> None:
    """Returns after Ctrl-C; raises a `Failure` when something did not start or ended by itself."""
    progress = Progress(STEPS, done=1)
    children = Children()
    with preflight.only_run(settings):
        try:
            _start(settings, children, progress)
            while True:
                time.sleep(CHECK_SECONDS)
                children.require_alive()
        except KeyboardInterrupt:
            progress.break_line()
            say("\nStopping ...")
        finally:
            children.stop()
    say("Stopped.")


def _start(settings: Settings, children: Children, progress: Progress) -> None:
    """The order is that of dependence: a function may call any of the others in its first request."""
    env = providers.without_keys(without_cloud(os.environ))
    env["PATH"] = path_with_venv(settings, os.environ)
    with progress.step("Building (cargo build)"):
        cargo.build(["build", "--workspace", "--bins"], settings, progress, env)
    env["SUPERGATE_EMBEDDER_FILE"] = str(embedder.ensure(settings, progress))
    with progress.step("PostgreSQL"):
        data, log = settings.state / "pg", settings.log("postgres")
        database = postgres.start(data, postgres.FOR_PEOPLE, log, children, progress)
        database.ensure_database(DATABASE)
    with progress.step("KMS and DynamoDB (moto)"):
        endpoint = moto_server.start(settings, settings.state, settings.log("moto"), children, env)
        env |= moto_server.variables(endpoint)
    with progress.step("Providers"):
        used = providers.load(os.environ)
        mock_url = _start_mock(settings, used, children, env)
        for provider in used:
            env |= provider.variables(mock_url)
    with progress.step("Functions (cargo lambda watch), migrations, demo tenant"):
        env |= _secrets(settings.state / "state.json")
        env["AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH"] = "1"
        # Only this machine can reach it.
        env.setdefault("SUPERGATE_REGISTRATION", "open")
        key = _serve(settings, env, children, used, database)
    say(demo.ready_text(settings, key, used))
    alerts.print_in_background(settings)


def _start_mock(settings: Settings, used: list[providers.Provider], children: Children, env: Mapping[str, str]) -> str | None:
    if not any(provider.is_mocked for provider in used):
        return None
    binary = cargo.target_directory() / "debug" / "mock-upstream"
    return providers.start_mock(binary, settings.state / "mock.port", settings.log("mock-upstream"), children, env)


def _serve(
    settings: Settings,
    env: Mapping[str, str],
    children: Children,
    used: list[providers.Provider],
    database: postgres.Postgres,
) -> str:
    """Migrates before any other function can look at the database, whose roles do not exist before."""
    server = watch.Watch(settings, env, children)
    binaries = cargo.target_directory() / "debug"
    server.start("migrate", binaries / "migrate", {"DATABASE_MIGRATION_URL": database.url(DATABASE)})
    server.invoke("migrate", {"action": "migrate"})
    for name in functions():
        if name != "migrate":
            role = database_role(name)
            own = {} if role == "none" else {"DATABASE_URL": database.url(DATABASE, role)}
            server.start(name, binaries / name, own)
    key = demo.ensure_tenant(settings, server)
    platform_keys.store(settings, server, demo.ensure_operator(settings, server), used)
    health = server.call("GET", "/health")
    if health.status != 200:
        raise Failure(f"GET /health answered {health.status}: {health.body.strip()[:300]}", settings.log("health"))
    demo.prove_chat(settings, server, key, used)
    return key


def _secrets(path: Path) -> dict[str, str]:
    """Under which API keys are hashed and tokens signed: kept, or the keys of the last run would no longer work."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    made = {name: kept.get(name) or secrets.token_hex(32) for name in ("pepper", "token_secret")}
    if made != kept:
        write_secret(path, json.dumps(kept | made))
    return {"SUPERGATE_KEY_PEPPER": made["pepper"], "SUPERGATE_TOKEN_SECRET": made["token_secret"]}
