"""Answers what no route matches. The watch hands such requests to a function named `_`, and without it they would wait for ever."""

from __future__ import annotations

import json
import threading
import urllib.request

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answer_in_background(runtime_api: str) -> None:
    """Serves as the function `_` until the watch is gone; `runtime_api` is its address without the function's name."""
    threading.Thread(target=_serve, args=(f"{runtime_api}/_/2018-06-01/runtime/invocation",), daemon=True).start()


def _serve(invocations: str) -> None:
    try:
        while True:
            with _DIRECT.open(f"{invocations}/next") as invocation:
                request_id = invocation.headers["lambda-runtime-aws-request-id"]
                event = json.load(invocation)
            _DIRECT.open(f"{invocations}/{request_id}/response", json.dumps(_not_found(event)).encode()).close()
    except OSError:
        pass  # the watch has stopped


def _not_found(event: dict) -> dict:
    """The gateway's own error body, so that a client reads it like any other."""
    method = event.get("requestContext", {}).get("http", {}).get("method")
    message = f"no route {method} {event.get('rawPath')}"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "not_found"}
    headers = {"content-type": "application/json"}
    return {"statusCode": 404, "headers": headers, "body": json.dumps({"error": error}), "isBase64Encoded": False, "cookies": []}
