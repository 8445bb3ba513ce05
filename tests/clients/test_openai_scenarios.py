"""Tools, schemas, images and thoughts through the official OpenAI client for Python, with all five providers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import scenarios
from conftest import Stack
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from scenarios import (
    BOTH,
    CALL,
    CALLS,
    FORECAST,
    FOUND,
    MODELS,
    PLACE,
    SIGNING_MODELS,
    THINK_AND_CALL,
    THINKING_MODELS,
    THOUGHT,
)

TOOLS = [openai.pydantic_function_tool(scenarios.weather), openai.pydantic_function_tool(scenarios.clock)]
WITH_USAGE = {"include_usage": True}


@pytest.fixture
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    """Retries would hide a failure."""
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as client:
        yield client


def user(content: object) -> dict[str, Any]:
    """A user's message."""
    return {"role": "user", "content": content}


def results(message: ChatCompletionMessage) -> list[dict[str, str]]:
    """What the called tools found."""
    calls = message.tool_calls or []
    return [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in zip(calls, FOUND, strict=False)]


def calls_of(message: ChatCompletionMessage) -> list[tuple[str, Any]]:
    """Names and arguments."""
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


def expect_usage(answer: ChatCompletion | ChatCompletionChunk) -> None:
    """Counted, summed and priced."""
    usage = answer.usage
    assert usage is not None and usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.model_extra is not None and usage.model_extra["cost"] > 0


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("prompt", "expected"), [(CALL, BOTH[:1]), (CALLS, BOTH)], ids=["one", "parallel"])
def test_tools_are_called_and_their_results_answered(
    client: openai.OpenAI, model: str, prompt: str, expected: list[tuple[str, Any]]
) -> None:
    conversation: list[Any] = [user(prompt)]
    asked = client.chat.completions.create(model=model, messages=conversation, tools=TOOLS)
    message = asked.choices[0].message
    assert asked.choices[0].finish_reason == "tool_calls"
    assert calls_of(message) == expected
    assert len({call.id for call in message.tool_calls or []}) == len(expected), "each call has an id of its own"
    expect_usage(asked)

    conversation += [message, *results(message)]
    answered = client.chat.completions.create(model=model, messages=conversation, tools=TOOLS)
    assert answered.choices[0].finish_reason == "stop"
    assert answered.choices[0].message.tool_calls is None
    assert scenarios.tells(answered.choices[0].message.content or "", FOUND[: len(expected)])


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_that_must_be_called_is_called(client: openai.OpenAI, model: str) -> None:
    choice = {"type": "function", "function": {"name": "clock"}}
    asked = client.chat.completions.parse(model=model, messages=[user("Lima")], tools=TOOLS, tool_choice=choice)
    [call] = asked.choices[0].message.tool_calls or []
    assert call.function.parsed_arguments == scenarios.clock(zone="Lima")


@pytest.mark.parametrize("model", MODELS)
def test_streamed_calls_come_in_pieces_that_the_client_puts_together(client: openai.OpenAI, model: str) -> None:
    chunks: list[ChatCompletionChunk] = []
    common: dict[str, Any] = {"model": model, "tools": TOOLS, "stream_options": WITH_USAGE}
    with client.chat.completions.stream(messages=[user(CALLS)], **common) as stream:
        chunks += [event.chunk for event in stream if event.type == "chunk"]
        whole = stream.get_final_completion()
    message = whole.choices[0].message
    assert whole.choices[0].finish_reason == "tool_calls"
    assert calls_of(message) == BOTH
    deltas = [delta for chunk in chunks for choice in chunk.choices for delta in choice.delta.tool_calls or []]
    begun = [(delta.index, delta.function.name) for delta in deltas if delta.id and delta.function]
    assert begun == [(0, "weather"), (1, "clock")], "each call has its own index, and its name once"
    assert chunks[-1].choices == []
    expect_usage(chunks[-1])

    conversation: list[Any] = [user(CALLS), {"role": "assistant", "tool_calls": message.tool_calls}, *results(message)]
    with client.chat.completions.stream(messages=conversation, **common) as stream:
        told = stream.get_final_completion()
    assert scenarios.tells(told.choices[0].message.content or "", FOUND)
    expect_usage(told)


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_fits_the_schema_of_a_class(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.parse(model=model, messages=[user(PLACE)], response_format=scenarios.Forecast)
    assert answer.choices[0].message.parsed == FORECAST
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", MODELS)
def test_a_streamed_answer_fits_the_schema_of_a_class(client: openai.OpenAI, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=[user(PLACE)], response_format=scenarios.Forecast) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta" and event.delta]
        answer = stream.get_final_completion()
    assert answer.choices[0].message.parsed == FORECAST
    assert len(pieces) > 1, "it was streamed"


@pytest.mark.parametrize("model", MODELS)
def test_an_image_is_seen(client: openai.OpenAI, model: str) -> None:
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": scenarios.PNG_URL}}]
    answer = client.chat.completions.create(model=model, messages=[user(parts)])
    assert scenarios.PNG_SEEN in (answer.choices[0].message.content or "")


@pytest.mark.parametrize("model", THINKING_MODELS)
def test_thoughts_come_with_the_calls_and_go_back_with_the_results(client: openai.OpenAI, model: str) -> None:
    conversation: list[Any] = [user(THINK_AND_CALL)]
    asked = client.chat.completions.create(model=model, messages=conversation, tools=TOOLS, reasoning_effort="high")
    message = asked.choices[0].message
    expect_thought(model, message.model_extra or {})
    assert calls_of(message) == BOTH[:1]

    conversation += [message, *results(message)]
    answered = client.chat.completions.create(model=model, messages=conversation, tools=TOOLS, reasoning_effort="high")
    assert scenarios.tells(answered.choices[0].message.content or "", FOUND[:1])


@pytest.mark.parametrize("model", THINKING_MODELS)
def test_streamed_thoughts_go_back_too(client: openai.OpenAI, model: str) -> None:
    conversation: list[Any] = [user(THINK_AND_CALL)]
    options = {"model": model, "tools": TOOLS, "reasoning_effort": "high"}
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    for chunk in client.chat.completions.create(messages=conversation, stream=True, **options):
        add(message, chunk)
    expect_thought(model, message)
    conversation += [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": FOUND[0]}]
    answered = client.chat.completions.create(messages=conversation, **options)
    assert scenarios.tells(answered.choices[0].message.content or "", FOUND[:1])


@pytest.mark.parametrize("model", THINKING_MODELS)
def test_the_client_s_own_stream_helper_takes_thoughts(client: openai.OpenAI, model: str) -> None:
    options = {"model": model, "messages": [user(THINK_AND_CALL)], "tools": TOOLS, "reasoning_effort": "high"}
    with client.chat.completions.stream(**options) as stream:
        message = stream.get_final_completion().choices[0].message
    expect_thought(model, message.model_extra or {})
    assert calls_of(message) == BOTH[:1]
    options["messages"] += [message.model_dump(exclude_none=True), *results(message)]
    answered = client.chat.completions.create(**options)
    assert scenarios.tells(answered.choices[0].message.content or "", FOUND[:1])


@pytest.mark.parametrize("model", SIGNING_MODELS)
def test_a_changed_signature_is_refused_so_unchanged_ones_got_through(client: openai.OpenAI, model: str) -> None:
    conversation: list[Any] = [user(THINK_AND_CALL)]
    asked = client.chat.completions.create(model=model, messages=conversation, tools=TOOLS, reasoning_effort="high")
    message = asked.choices[0].message.model_dump(exclude_none=True)
    for detail in message["reasoning_details"]:
        name = "signature" if "signature" in detail else "data"
        detail[name] = detail[name][::-1]
    conversation += [message, *results(asked.choices[0].message)]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=model, messages=conversation, tools=TOOLS, reasoning_effort="high")


def expect_thought(model: str, said: dict[str, Any]) -> None:
    """OpenAI never shows what its models thought."""
    thought = said.get("reasoning_content")
    if model.startswith("openai/"):
        assert thought is None
    else:
        assert thought is not None and thought.startswith(THOUGHT)
    if model in SIGNING_MODELS:
        assert len(said["reasoning_details"]) == scenarios.DETAILS[model]


def add(message: dict[str, Any], chunk: ChatCompletionChunk) -> None:
    """Puts a message together: texts are joined, lists are appended, calls go by their index."""
    for choice in chunk.choices:
        delta, extra = choice.delta, choice.delta.model_extra or {}
        message["content"] += delta.content or ""
        if extra.get("reasoning_content"):
            message["reasoning_content"] = message.get("reasoning_content", "") + extra["reasoning_content"]
        if extra.get("reasoning_details"):
            message.setdefault("reasoning_details", []).extend(extra["reasoning_details"])
        for call in delta.tool_calls or []:
            calls = message.setdefault("tool_calls", [])
            if call.index == len(calls):
                calls.append({"id": call.id, "type": "function", "function": {"name": "", "arguments": ""}})
            function = calls[call.index]["function"]
            function["name"] += (call.function and call.function.name) or ""
            function["arguments"] += (call.function and call.function.arguments) or ""
