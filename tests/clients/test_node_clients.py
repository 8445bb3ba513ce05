"""The clients for Node: the official one of OpenAI and the Vercel AI SDK's provider for what is compatible with it.

The scenarios are in node/. A program runs all of a client's, because starting Node takes longer than any of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import node_packages
import pytest
import scenarios
from conftest import Stack
from settings import Settings

RUN_SECONDS = 120
# By client, scenario and model.
Outcomes = Mapping[tuple[str, str, str], str | None]

# What each client does with each model.
PLAIN = {
    "openai": [
        "a_call_is_made_and_its_result_answered",
        "parallel_calls_are_made_and_their_results_answered",
        "run_tools_goes_on_until_nothing_is_called",
        "run_tools_goes_on_in_streams",
        "streamed_text_ends_with_usage",
        "streamed_calls_are_put_together",
        "an_answer_fits_a_schema",
        "a_streamed_answer_fits_a_schema",
        "an_image_is_seen",
    ],
    "ai-sdk": [
        "a_call_is_made_and_its_result_answered",
        "parallel_calls_are_made_and_their_results_answered",
        "a_tool_that_must_be_called_is_called",
        "streamed_calls_are_made_and_their_results_answered",
        "streamed_text_ends_with_usage",
        "an_object_fits_its_schema",
        "a_streamed_object_fits_its_schema",
        "an_image_is_seen",
    ],
}
THINKING = {
    "openai": ["thoughts_go_back_with_the_results", "streamed_thoughts_go_back_with_the_results"],
    "ai-sdk": ["thoughts_are_shown_and_the_loop_goes_on", "streamed_thoughts_are_shown_and_the_loop_goes_on"],
}
CASES = [
    (client, scenario, model)
    for client in PLAIN
    for own, models in [(PLAIN[client], scenarios.MODELS), (THINKING[client], scenarios.THINKING_MODELS)]
    for scenario in own
    for model in models
]


@pytest.fixture(scope="session")
def outcomes(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Runs the programs when the first case is asked for: how each case failed, if it did."""
    if reason := node_packages.missing():
        pytest.skip(reason)
    modules = node_packages.ensure(Settings.load(os.environ).node, os.environ)
    # A program finds its packages beside itself; nothing may be installed into the repository.
    folder = tmp_path_factory.mktemp("node")
    for source in node_packages.SOURCES.glob("*.mjs"):
        shutil.copy(source, folder)
    (folder / "node_modules").symlink_to(modules)
    (folder / "facts.json").write_text(json.dumps(facts(stack)))
    return {(client, *case): failure for client in PLAIN for case, failure in run(folder, client).items()}


def facts(stack: Stack) -> dict[str, object]:
    """What the programs have to know."""
    return {
        "base_url": f"{stack.url}/v1",
        "api_key": stack.api_key,
        "models": scenarios.MODELS,
        "thinking_models": scenarios.THINKING_MODELS,
        "details": scenarios.DETAILS,
        "png_url": scenarios.PNG_URL,
        "png_seen": scenarios.PNG_SEEN,
        "call": scenarios.CALL,
        "calls": scenarios.CALLS,
        "think_and_call": scenarios.THINK_AND_CALL,
        "thought": scenarios.THOUGHT,
        "weather": scenarios.WEATHER,
        "clock": scenarios.CLOCK,
        "found": scenarios.FOUND,
        "place": scenarios.PLACE,
        "forecast": scenarios.FORECAST.model_dump(),
    }


def run(folder: Path, client: str) -> dict[tuple[str, str], str | None]:
    """One program, from start to end."""
    done = subprocess.run(
        ["node", folder / "main.mjs", client],
        env=os.environ | {"SUPERGATE_FACTS": str(folder / "facts.json")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["scenario"], line["model"]): line["failure"] for line in lines}


@pytest.mark.parametrize(("client", "scenario", "model"), CASES)
def test_node(outcomes: Outcomes, client: str, scenario: str, model: str) -> None:
    failure = outcomes[client, scenario, model]
    assert failure is None, failure


def test_a_machine_without_node_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert node_packages.missing() == "Node.js is not installed (node and npm, 20 or newer)"


def test_the_cases_are_those_that_the_programs_ran(outcomes: Outcomes) -> None:
    assert outcomes.keys() == set(CASES)
