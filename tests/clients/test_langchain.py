"""LangChain's ChatOpenAI with nothing changed but the address, the key and the model."""

from __future__ import annotations

import os
from functools import reduce
from operator import add
from typing import Any

# LangChain reports every call to its makers' service when the environment says so.
os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"

import pytest  # noqa: E402
import scenarios  # noqa: E402
from conftest import Stack  # noqa: E402
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402
from scenarios import BOTH, CALL, CALLS, FORECAST, FOUND, MODELS, PLACE, THINK_AND_CALL, THINKING_MODELS  # noqa: E402

TOOLS = [scenarios.weather, scenarios.clock]


def chat(stack: Stack, model: str, **options: Any) -> ChatOpenAI:
    """Retries would hide a failure; usage is not asked for by itself where the address is not OpenAI's."""
    address = {"base_url": f"{stack.url}/v1", "api_key": stack.api_key}
    return ChatOpenAI(model=model, max_retries=0, stream_usage=True, **address, **options)


def calls_of(message: AIMessage) -> list[tuple[str, Any]]:
    """Names and arguments."""
    assert message.invalid_tool_calls == []
    return [(call["name"], call["args"]) for call in message.tool_calls]


def results(message: AIMessage) -> list[BaseMessage]:
    """What the called tools found."""
    return [ToolMessage(text, tool_call_id=call["id"]) for call, text in zip(message.tool_calls, FOUND, strict=False)]


def expect_usage(message: AIMessage) -> None:
    """Counted and summed."""
    usage = message.usage_metadata
    assert usage is not None and usage["input_tokens"] > 0 and usage["output_tokens"] > 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def joined(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """As LangChain itself joins them."""
    assert len(chunks) > 1, "it was streamed"
    return reduce(add, chunks)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("prompt", "expected"), [(CALL, BOTH[:1]), (CALLS, BOTH)], ids=["one", "parallel"])
def test_tools_are_called_and_their_results_answered(
    stack: Stack, model: str, prompt: str, expected: list[tuple[str, Any]]
) -> None:
    llm = chat(stack, model).bind_tools(TOOLS)
    asked = llm.invoke(prompt)
    assert calls_of(asked) == expected
    expect_usage(asked)
    answered = llm.invoke([HumanMessage(prompt), asked, *results(asked)])
    assert answered.tool_calls == []
    assert scenarios.tells(answered.text, FOUND[: len(expected)])


@pytest.mark.parametrize("model", MODELS)
def test_streamed_calls_are_joined_and_their_results_answered(stack: Stack, model: str) -> None:
    llm = chat(stack, model).bind_tools(TOOLS)
    asked = joined(list(llm.stream(CALLS)))
    assert calls_of(asked) == BOTH
    expect_usage(asked)
    answered = joined(list(llm.stream([HumanMessage(CALLS), asked, *results(asked)])))
    assert scenarios.tells(answered.text, FOUND)


@pytest.mark.parametrize("model", MODELS)
def test_streamed_text_ends_with_usage(stack: Stack, model: str) -> None:
    answer = joined(list(chat(stack, model).stream("Which rivers meet in Lyon?")))
    assert "Which rivers meet in Lyon?" in answer.text
    assert answer.response_metadata["finish_reason"] == "stop"
    expect_usage(answer)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_an_answer_fits_the_schema_of_a_class(stack: Stack, model: str, method: Any) -> None:
    assert chat(stack, model).with_structured_output(scenarios.Forecast, method=method).invoke(PLACE) == FORECAST


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")  # of LangChain's own making
@pytest.mark.parametrize("model", MODELS)
def test_a_streamed_answer_fits_the_schema_of_a_class(stack: Stack, model: str) -> None:
    llm = chat(stack, model).with_structured_output(scenarios.Forecast, method="json_schema")
    assert list(llm.stream(PLACE))[-1] == FORECAST


@pytest.mark.parametrize("model", MODELS)
def test_an_image_is_seen(stack: Stack, model: str) -> None:
    image = {"type": "image", "base64": scenarios.PNG, "mime_type": "image/png"}
    answer = chat(stack, model).invoke([HumanMessage([{"type": "text", "text": "What is this?"}, image])])
    assert scenarios.PNG_SEEN in answer.text


@pytest.mark.parametrize("model", THINKING_MODELS)
def test_a_client_that_drops_thoughts_can_go_on_calling_tools(stack: Stack, model: str) -> None:
    llm = chat(stack, model, reasoning_effort="high").bind_tools(TOOLS)
    asked = llm.invoke(THINK_AND_CALL)
    assert calls_of(asked) == BOTH[:1]
    assert "reasoning_details" not in asked.additional_kwargs, "it drops what it does not know"
    answered = llm.invoke([HumanMessage(THINK_AND_CALL), asked, *results(asked)])
    assert scenarios.tells(answered.text, FOUND[:1])


@pytest.mark.parametrize("model", THINKING_MODELS)
def test_a_client_that_drops_streamed_thoughts_can_go_on_calling_tools(stack: Stack, model: str) -> None:
    llm = chat(stack, model, reasoning_effort="high").bind_tools(TOOLS)
    asked = joined(list(llm.stream(THINK_AND_CALL)))
    assert calls_of(asked) == BOTH[:1]
    answered = llm.invoke([HumanMessage(THINK_AND_CALL), asked, *results(asked)])
    assert scenarios.tells(answered.text, FOUND[:1])
