"""What `make run` promises: it stops what it started, survives its own state, and explains itself in one line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import openai
import psutil
import pytest
from conftest import REPO, STACK, STOP_SECONDS, Stack, free_port

import settings  # the stack's own module: conftest makes it known


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A `stack.py run` that is expected to end by itself."""
    command = [sys.executable, STACK, "run"]
    return subprocess.run(command, env=environment, cwd=REPO, capture_output=True, text=True, timeout=STOP_SECONDS, check=False)


def models(stack: Stack, api_key: str) -> list[str]:
    """A call that needs the key, the functions and the database."""
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=api_key, max_retries=0) as client:
        return [model.id for model in client.models.list()]


def platform_keys(stack: Stack) -> str:
    """The stored provider keys, as ids and whole rows' hashes."""
    return stack.sql("select string_agg(id || md5(ciphertext) || md5(wrapped_key), ' ' order by provider) from provider_credentials")


def chat(stack: Stack) -> str | None:
    """A call that needs a provider's key to open; the mock answers it."""
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as client:
        answer = client.chat.completions.create(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "hello"}])
    return answer.choices[0].message.content


def test_ctrl_c_stops_everything_and_a_second_start_keeps_the_keys(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", free_port()).start()
    api_key, sealed = stack.api_key, platform_keys(stack)
    started = stack.processes()
    try:
        assert len(started) > 5
        assert models(stack, api_key)
    finally:
        assert stack.stop(signal.SIGINT) == 0
    _gone, left = psutil.wait_procs(started, timeout=STOP_SECONDS)
    assert left == [], "Ctrl-C stops everything"

    stack.start()
    try:
        assert stack.api_key == api_key
        assert models(stack, api_key)
        assert platform_keys(stack) == sealed, "what did not change is not stored again"
        assert chat(stack), "what the last run sealed opens"
    finally:
        assert stack.stop(signal.SIGTERM) == 0


def test_a_folder_from_before_keys_were_sealed_is_taken_over(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", free_port()).start()
    api_key = stack.api_key
    stack.sql("delete from provider_credentials")
    stack.stop()
    # What that version did not write: a KMS key that stays, the marks of what is stored, the operator's key.
    (stack.state / "kms.json").unlink()
    (stack.state / "platform-keys.json").unlink()
    (stack.state / "demo.env").write_text(f"SUPERGATE_URL={stack.url}\nSUPERGATE_API_KEY={api_key}\n")

    stack.start()
    try:
        assert stack.api_key == api_key
        assert chat(stack)
    finally:
        stack.stop()


def test_another_provider_key_replaces_the_stored_one_and_no_other(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", free_port()).start()
    before = dict(row.split("=") for row in stack.sql("select provider || '=' || last_four from provider_credentials").splitlines())
    stack.stop()
    # A key and the address of nothing: real as far as the stack knows, and never called.
    stack.extra = {"OPENAI_API_KEY": "sk-changed-0000-wxyz", "SUPERGATE_OPENAI_URL": "http://127.0.0.1:9"}
    stack.start()
    try:
        after = dict(row.split("=") for row in stack.sql("select provider || '=' || last_four from provider_credentials").splitlines())
        assert after == before | {"openai": "wxyz"}
        # The kernel keeps 15 characters of a process's name. What has ended since it was listed serves nobody.
        names = {name[:15] for name in settings.functions()}
        served = [child for child in stack.processes() if name_of(child) in names]
        assert served
        for function in served:
            assert "sk-changed-0000-wxyz" not in function.environ().values(), f"{function.name()} has a key in its environment"
    finally:
        stack.stop()


def name_of(child: psutil.Process) -> str | None:
    """A process's name; none if it has ended."""
    try:
        return child.name()
    except psutil.NoSuchProcess:
        return None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_a_stack_that_was_killed_leaves_nothing_behind_and_can_be_started_again(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", free_port()).start()
    started = stack.processes()
    stack.stop(signal.SIGKILL)
    _gone, left = psutil.wait_procs(started, timeout=STOP_SECONDS)
    assert left == []

    stack.start()
    try:
        assert models(stack, stack.api_key)
    finally:
        stack.stop()


def test_the_start_up_text_says_which_providers_are_mocked_and_what_to_type(stack: Stack) -> None:
    for provider in ("openai", "anthropic", "google", "cohere", "mistral"):
        assert any(line.split()[:2] == [provider, "mocked"] for line in stack.output.splitlines())
    assert f"curl {stack.url}/v1/chat/completions" in stack.output
    assert f"Authorization: Bearer {stack.api_key}" in stack.output


def test_the_demo_key_can_be_read_by_its_owner_only(stack: Stack) -> None:
    for name in ("demo.env", "state.json", "kms.json", "platform-keys.json"):
        assert (stack.state / name).stat().st_mode & 0o077 == 0


def test_a_taken_port_is_explained_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = run(Stack(tmp_path / "state", port).environment())
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"port {port}" in refused.stderr and "SUPERGATE_PORT=" in refused.stderr


def test_a_second_run_of_the_same_folder_is_refused_in_one_line(stack: Stack) -> None:
    refused = run(stack.environment() | {"SUPERGATE_PORT": str(free_port())})
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "already runs" in refused.stderr


def test_a_missing_cargo_is_explained_in_one_line(tmp_path: Path) -> None:
    environment = Stack(tmp_path / "state", free_port()).environment() | {"PATH": os.devnull}
    refused = run(environment)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "rustup" in refused.stderr


def test_a_port_that_is_no_number_is_explained_in_one_line(tmp_path: Path) -> None:
    refused = run(Stack(tmp_path / "state", free_port()).environment() | {"SUPERGATE_PORT": "http"})
    assert refused.returncode == 1
    assert refused.stderr == "supergate: SUPERGATE_PORT is 'http'; it must be a number from 1 to 65535\n"
