"""The demo tenant and the operator: their keys in demo.env, and what to type next."""

from __future__ import annotations

import shlex
from pathlib import Path

from console import Failure
from providers import Provider
from settings import REPO, Settings, write_secret
from watch import Watch

MODEL = "openai/gpt-4o-mini"


def ensure_tenant(settings: Settings, watch: Watch) -> str:
    """Returns the demo tenant's key: the one in demo.env while it works, else that of a new tenant."""
    command = {"action": "create_tenant", "name": "demo", "key_name": "demo admin"}
    return _ensure_key(settings, watch, "SUPERGATE_API_KEY", command)


def ensure_operator(settings: Settings, watch: Watch) -> str:
    """Returns the key of the deployment's operators, who may store the platform's provider keys: kept, or made, like the tenant's."""
    return _ensure_key(settings, watch, "SUPERGATE_OPERATOR_KEY", {"action": "create_operator_key", "name": "local operator"})


def _ensure_key(settings: Settings, watch: Watch, variable: str, command: dict[str, str]) -> str:
    known = _read(_file(settings))
    key = known.get(variable)
    if key:
        answer = watch.call("GET", "/v1/models", key=key)
        if answer.status not in (200, 401):
            raise Failure(f"GET /v1/models answered {answer.status}: {answer.body.strip()[:300]}", settings.log("models"))
        if answer.status == 401:
            key = None
    if not key:
        key = str(watch.invoke("migrate", command)["api_key"])
    # Also when nothing is new: the port may be another.
    pairs = known | {"SUPERGATE_URL": settings.url, variable: key}
    write_secret(_file(settings), "".join(f"{name}={value}\n" for name, value in pairs.items()))
    return key


def prove_chat(settings: Settings, watch: Watch, key: str, providers: list[Provider]) -> None:
    """What the start-up text tells a person to type works, or it is not printed. Only with the mock: a real provider costs money."""
    if not any(provider.name == MODEL.split("/")[0] and provider.is_mocked for provider in providers):
        return
    for stream in (False, True):
        body = {"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "Say hello"}]}
        answer = watch.call("POST", "/v1/chat/completions", body, key)
        if answer.status != 200 or (stream and "data: [DONE]" not in answer.body):
            how = "a streamed chat" if stream else "a chat"
            raise Failure(f"{how} answered {answer.status}: {answer.body.strip()[:300]}", settings.log("chat-completions"))


def ready_text(settings: Settings, key: str, providers: list[Provider]) -> str:
    """Everything someone needs who has never seen the gateway; the commands can be pasted as they are."""
    described = "\n".join(f"  {provider.name:<10} {provider.description}" for provider in providers)
    return f"""
Supergate is ready at {settings.url}

A chat completion:

{_curl(settings.url, key, stream=False)}

The same, streamed:

{_curl(settings.url, key, stream=True)}

In another terminal, for an OpenAI client (base_url is $SUPERGATE_URL/v1):

  set -a; . {shlex.quote(_relative(_file(settings)))}; set +a

Providers:
{described}

Logs are in {_relative(settings.logs)}/. Ctrl-C stops everything."""


def _curl(url: str, key: str, *, stream: bool) -> str:
    streamed = '"stream": true, ' if stream else ""
    body = f'{{"model": "{MODEL}", {streamed}"messages": [{{"role": "user", "content": "Say hello"}}]}}'
    return f"""  curl {"-N " if stream else ""}{url}/v1/chat/completions \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{body}'"""


def _file(settings: Settings) -> Path:
    return settings.state / "demo.env"


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, value in pairs}


def _relative(path: Path) -> str:
    return str(path.relative_to(REPO)) if path.is_relative_to(REPO) else str(path)
