"""What every client is asked to do: the models, the picture, the tools, and what the mock makes of them.

The mock calls the first offered tool when the last user message says `mock:call`, and the first N when it says `mock:calls=N`.
It fills a tool's arguments, and an answer that has a schema, from the schema alone: a text becomes what the user said without
the directives, a whole number 7, a number 1.5, a truth value true, a list has one item, of several words the first is taken.
"""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import BaseModel

# One chat model of each provider, as the catalogue names them.
MODELS = [
    "openai/gpt-4o-mini",
    "anthropic/claude-haiku-4-5",
    "google/gemini-2.5-flash",
    "cohere/command-a-03-2025",
    "mistral/mistral-small-latest",
]
# The same for thinking. None of Cohere's that the catalogue has can be told to; the mock lets it think all the same.
THINKING_MODELS = [
    "openai/gpt-5-mini",
    "anthropic/claude-sonnet-4-5",
    "google/gemini-3-flash-preview",
    "cohere/command-a-03-2025",
    "mistral/mistral-small-latest",
]
# Those that sign what they think, and that refuse it if it comes back changed.
SIGNING_MODELS = ["anthropic/claude-sonnet-4-5", "google/gemini-3-flash-preview"]

# How many entries of `reasoning_details` there are then: a thought and a redacted one, the signature of a call.
DETAILS = {"anthropic/claude-sonnet-4-5": 2, "google/gemini-3-flash-preview": 1}

# One grey pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
PNG_URL = f"data:image/png;base64,{PNG}"
PNG_SEEN = f"images: image/png {len(base64.b64decode(PNG))} bytes"

CALL = "Lima mock:call"
CALLS = "Lima mock:calls=2"
# Anthropic has thoughts that it alone can read; the mock adds one where the provider has such.
THINK_AND_CALL = "Lima mock:think mock:redact mock:call"
THOUGHT = 'thinking about: "Lima'


class weather(BaseModel):  # noqa: N801  (clients name a tool after its class)
    """What the weather will be."""

    city: str
    days: int
    units: Literal["metric", "imperial"]


class clock(BaseModel):  # noqa: N801
    """What time it is."""

    zone: str


WEATHER = {"city": "Lima", "days": 7, "units": "metric"}
CLOCK = {"zone": "Lima"}
BOTH = [("weather", WEATHER), ("clock", CLOCK)]
# What the tools found, in the order in which they are called.
FOUND = ["18 degrees", "half past nine"]


class Reading(BaseModel):
    """A part of a forecast: what is nested goes to the providers as `$defs` and `$ref`."""

    kind: Literal["high", "low"]
    celsius: float


class Forecast(BaseModel):
    """What a structured answer holds, with everything that schemas are made of."""

    city: str
    days: int
    rain: bool
    readings: list[Reading]
    note: str | None


# The mock streams word by word, and JSON has no other blanks than those of its texts.
PLACE = "Lima, the capital of Peru"
FORECAST = Forecast(city=PLACE, days=7, rain=True, readings=[Reading(kind="high", celsius=1.5)], note=PLACE)


def tells(answer: str, results: list[str]) -> bool:
    """Whether the mock was given these results of tools, in this order and no others."""
    _before, found, told = answer.partition("results: ")
    places = [told.find(f'="{result}"') for result in results]
    return bool(found) and -1 not in places and places == sorted(places) and told.count('="') == len(results)
