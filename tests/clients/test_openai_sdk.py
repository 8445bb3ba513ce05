"""The official OpenAI client for Python, with nothing changed but `base_url` and `api_key`."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from conftest import Stack, eventually
from scenarios import MODELS

LEDGER_SECONDS = 10


@pytest.fixture
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    """Retries would hide a failure."""
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as client:
        yield client


def ask(text: str) -> list[dict[str, str]]:
    """One user message."""
    return [{"role": "user", "content": text}]


def priced_rows(stack: Stack, model: str) -> int:
    """The ledger's rows of finished calls for a model that cost something and counted tokens both ways."""
    conditions = "status = 200 and ended = 'complete' and cost_nanos > 0 and input_tokens > 0 and output_tokens > 0"
    return int(stack.sql(f"select count(*) from usage_events where model_requested = '{model}' and {conditions}"))


def expect_rows(stack: Stack, model: str, expected: int) -> None:
    """The row is written after the answer was sent."""
    eventually(lambda: priced_rows(stack, model) >= expected, LEDGER_SECONDS, f"{expected} priced rows for {model}")
    assert priced_rows(stack, model) == expected


@pytest.mark.parametrize("model", MODELS)
def test_a_completion_answers_with_usage_and_cost_and_leaves_one_priced_row(stack: Stack, client: openai.OpenAI, model: str) -> None:
    before = priced_rows(stack, model)
    answer = client.chat.completions.create(model=model, messages=ask("What is the capital of Peru?"))
    assert "What is the capital of Peru?" in (answer.choices[0].message.content or ""), "the mock echoes what it was asked"
    assert answer.object == "chat.completion"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.model_extra is not None and answer.usage.model_extra["cost"] > 0
    expect_rows(stack, model, before + 1)


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_gives_the_same_words_and_ends_with_usage(stack: Stack, client: openai.OpenAI, model: str) -> None:
    before = priced_rows(stack, model)
    question = "Which rivers meet in Lyon, and where do they go from there?"
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=model, messages=ask(question), stream=True, stream_options=options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert question in text
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert reasons == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1, "all chunks of a stream have one id"
    usage = chunks[-1].usage
    assert usage is not None and chunks[-1].choices == []
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.model_extra is not None and usage.model_extra["cost"] > 0
    expect_rows(stack, model, before + 1)


def test_a_stream_arrives_while_the_model_is_still_talking(client: openai.OpenAI) -> None:
    started = time.monotonic()
    stream = client.chat.completions.create(model=MODELS[0], messages=ask("one two three mock:chunk_delay=200"), stream=True)
    arrivals = [time.monotonic() - started for _chunk in stream]
    assert arrivals[0] < arrivals[-1] - 0.2, "the first chunk must not wait for the last"


def test_models_are_listed_and_found_by_name(client: openai.OpenAI) -> None:
    listed = {model.id for model in client.models.list()}
    assert listed >= set(MODELS)
    for name in MODELS:
        assert client.models.retrieve(name).id == name


def test_a_wrong_key_is_an_authentication_error(stack: Stack) -> None:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key="sg_live_not_a_key", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            client.chat.completions.create(model=MODELS[0], messages=ask("hello"))
        assert refused.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="openai/gpt-4o-minni", messages=ask("hello"))
    assert missing.value.code == "model_not_found"
    assert "gpt-4o-mini" in str(missing.value), "the message suggests near names"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("openai/gpt-4o-minni")


def test_a_provider_that_is_full_is_a_rate_limit_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=MODELS[0], messages=ask("mock:status=429"))


def test_a_stream_that_is_cut_raises_and_does_not_end_quietly(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=MODELS[0], messages=ask("one two three four mock:cut=2"), stream=True))


def test_parallel_requests_do_not_queue(client: openai.OpenAI) -> None:
    count, delay_s = 8, 1.0

    def call(number: int) -> str | None:
        text = f"number {number} mock:delay={delay_s * 1000:.0f}"
        return client.chat.completions.create(model=MODELS[0], messages=ask(text)).choices[0].message.content

    started = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(call, range(count)))
    took = time.monotonic() - started
    assert all(f"number {number}" in (answer or "") for number, answer in enumerate(answers))
    assert took < count * delay_s / 2, f"{count} requests of {delay_s} s took {took:.1f} s"


def test_a_path_without_a_route_is_not_found(stack: Stack) -> None:
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{stack.url}/v1/nonsense")
    assert missing.value.code == 404
    assert json.load(missing.value)["error"]["code"] == "not_found"
