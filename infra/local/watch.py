"""`cargo lambda watch`: API Gateway and the Lambda service for the functions, behind one URL.

The watch plays the service only (`--only-lambda-apis`) and the instances are our own children. Left to itself it starts each
instance with `cargo run`: eight at once for a first request, each behind cargo's locks (so behind any other build on the machine) and
each with a file watcher over the whole folder; an instance that ends is not replaced, and its requests wait for ever.
"""

from __future__ import annotations

import json
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import unrouted
from console import Failure
from processes import Child, Children
from settings import REPO, Settings

START_SECONDS = 30
CALL_SECONDS = 60
# An instance serves one request at a time, as in Lambda. A completion keeps one busy for as long as the model talks.
INSTANCES = {"chat-completions": 8}
INSTANCES_OF_OTHERS = 2
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of any status."""

    status: int
    body: str


class Watch:
    """The running watch server and the instances that take their work from it."""

    def __init__(self, settings: Settings, env: Mapping[str, str], children: Children) -> None:
        command: list[str | Path] = [settings.venv / "bin" / "cargo-lambda", "lambda", "watch", "--only-lambda-apis"]
        # Without CORS headers, no web page can read what the unauthenticated /2015-03-31 invocations answer.
        command += ["--disable-cors", "--invoke-address", "127.0.0.1", "--invoke-port", str(settings.port)]
        self._settings = settings
        self._env = env
        self._children = children
        child = Child("cargo lambda watch", command, settings.log("watch"), env, stop_signal=signal.SIGINT, cwd=REPO)
        children.add(child)
        child.wait_until(lambda: _listens(settings.port), START_SECONDS, "open its port")
        unrouted.answer_in_background(f"{settings.url}/.rt")

    def start(self, function: str, binary: Path, own_env: Mapping[str, str]) -> None:
        """Starts the instances of one function, with what only it gets in its environment; they share its log."""
        env = {
            **self._env,
            **own_env,
            "AWS_LAMBDA_RUNTIME_API": f"{self._settings.url}/.rt/{function}",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        }
        for number in range(INSTANCES.get(function, INSTANCES_OF_OTHERS)):
            log = self._settings.log(function)
            self._children.add(Child(f"the function {function}", [binary], log, env, append=number > 0))

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        """One request; notices a child that dies instead of answering."""
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._settings.url + path, data, headers, method=method)
        answers: list[Answer | OSError] = []
        thread = threading.Thread(target=lambda: answers.append(_send(request)), daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.1)
            self._children.require_alive()
        if isinstance(answers[0], OSError):
            raise Failure(f"{method} {path} was not answered: {answers[0]}", self._settings.log("watch"))
        return answers[0]

    def invoke(self, function: str, payload: object) -> dict:
        """Invokes a function with an event of its own, as `aws lambda invoke` would."""
        answer = self.call("POST", f"/2015-03-31/functions/{function}/invocations", payload)
        try:
            result = json.loads(answer.body)
        except ValueError:
            result = None
        if answer.status != 200 or not isinstance(result, dict) or "errorMessage" in result:
            raise Failure(f"the function {function} failed: {answer.body.strip()[:300]}", self._settings.log(function))
        return result


def _send(request: urllib.request.Request) -> Answer | OSError:
    try:
        with _DIRECT.open(request, timeout=CALL_SECONDS) as response:
            return Answer(response.status, response.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode(errors="replace"))
    except OSError as error:
        return error


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
