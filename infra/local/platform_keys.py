"""The platform's provider keys, stored as an operator stores them: through the API, sealed under the KMS key."""

from __future__ import annotations

import hashlib
import hmac
import json

from console import Failure
from moto_server import KMS_FILE
from providers import Provider
from settings import Settings, write_secret
from watch import Watch

ROUTE = "/v1/tenant/keys"


def store(settings: Settings, watch: Watch, operator_key: str, used: list[Provider]) -> None:
    """Stores those that are not what was stored last, or would no longer open."""
    kept = settings.state / "platform-keys.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    stored = _stored_ids(settings, watch, operator_key)
    for provider in used:
        mark = _mark(settings, provider)
        if provider.name in stored and known.get(provider.name) == {"id": stored[provider.name], "mark": mark}:
            continue
        answer = watch.call("PUT", f"{ROUTE}/{provider.name}", {"api_key": provider.stored_key}, operator_key)
        if answer.status not in (200, 201):
            raise Failure(f"the key of {provider.name} was not stored: {_message(answer.body)}", settings.log("provider-keys"))
        known[provider.name] = {"id": json.loads(answer.body)["id"], "mark": mark}
        write_secret(kept, json.dumps(known))


def _stored_ids(settings: Settings, watch: Watch, operator_key: str) -> dict[str, str]:
    answer = watch.call("GET", ROUTE, key=operator_key)
    if answer.status != 200:
        raise Failure(f"GET {ROUTE} answered {answer.status}: {_message(answer.body)}", settings.log("provider-keys"))
    return {row["provider"]: row["id"] for row in json.loads(answer.body)["data"]}


def _mark(settings: Settings, provider: Provider) -> str:
    """Tells one key from another without being one; another KMS key, which could not open what was stored, makes another mark."""
    kms_key = (settings.state / KMS_FILE).read_bytes()
    return hmac.new(kms_key, provider.stored_key.encode(), hashlib.sha256).hexdigest()


def _message(body: str) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.strip()[:300]
