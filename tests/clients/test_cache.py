"""The official OpenAI client for Python gets the same object from a hit as from the miss before it."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from conftest import Stack, eventually
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion
from scenarios import MODELS

# After the response the answer is stored, and a busy machine may not find it in the 50 ms that a request waits.
STORED_SECONDS = 10


@pytest.fixture(scope="session")
def cached(stack: Stack) -> str:
    """The key of a tenant with a cache."""
    return stack.new_tenant("with a cache")


@pytest.fixture
def client(stack: Stack, cached: str) -> Iterator[openai.OpenAI]:
    """Retries would hide a failure."""
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=cached, max_retries=0) as client:
        yield client


def complete(client: openai.OpenAI, model: str, text: str, *, streams: bool) -> tuple[str, ChatCompletion]:
    """What the cache says, and the whole answer."""
    messages = [{"role": "user", "content": text}]
    if not streams:
        raw = client.chat.completions.with_raw_response.create(model=model, messages=messages)  # type: ignore[arg-type]
        return raw.headers["x-supergate-cache"], raw.parse()
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    with client.chat.completions.with_streaming_response.create(
        model=model,
        messages=messages,  # type: ignore[arg-type]
        stream=True,
        stream_options={"include_usage": True},
    ) as response:
        for chunk in response.parse():
            state.handle_chunk(chunk)
        return response.headers["x-supergate-cache"], state.get_final_completion()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("writer", [False, True])
@pytest.mark.parametrize("reader", [False, True])
def test_a_hit_is_the_object_that_the_miss_was(client: openai.OpenAI, model: str, writer: bool, reader: bool) -> None:
    text = f"Which colour has box {writer} {reader}? mock:words=30"
    said, miss = complete(client, model, text, streams=writer)
    assert said == "MISS"
    answers: list[ChatCompletion] = []

    def is_hit() -> bool:
        said, answer = complete(client, model, text, streams=reader)
        answers.append(answer)
        return said == "HIT"

    eventually(is_hit, STORED_SECONDS, "a hit")
    hit = answers[-1]
    assert hit.choices[0].message.content == miss.choices[0].message.content
    assert hit.choices[0].finish_reason == miss.choices[0].finish_reason == "stop"
    assert hit.usage == miss.usage
    assert hit.model == miss.model
    if writer == reader and len(answers) == 1:
        assert hit.model_dump() == miss.model_dump(), "all of it"
