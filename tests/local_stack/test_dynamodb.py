"""DynamoDB's stand-in: what it does itself is what moto does, and it does one thing after the other."""

from __future__ import annotations

import http.client
import io
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

LOCAL = Path(__file__).resolve().parents[2] / "infra" / "local"
sys.path.insert(0, str(LOCAL))

from dynamodb_direct import Direct  # noqa: E402
from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: E402
from moto_server import REGION  # noqa: E402

START_SECONDS = 60
Answer = tuple[int, dict[str, Any]]
HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "authorization": f"AWS4-HMAC-SHA256 Credential=local/20261122/{REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
}
KEY = {"pk": {"S": "one"}, "sk": {"S": "two"}}


def headers(operation: str) -> dict[str, str]:
    return HEADERS | {"x-amz-target": f"DynamoDB_20120810.{operation}"}


def table(name: str) -> dict[str, Any]:
    """A table like the functions'."""
    keys_only = {"ProjectionType": "KEYS_ONLY"}
    schema = [{"AttributeName": "open", "KeyType": "HASH"}, {"AttributeName": "pk", "KeyType": "RANGE"}]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "open")],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [{"IndexName": "open", "KeySchema": schema, "Projection": keys_only}],
    }


# --- What is done without moto's machinery, beside moto -------------------------------------------------------------------------------


class Moto:
    """moto in this process, with and without what is done beside it."""

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)
        self._direct = Direct(REGION)
        self.updated_directly = 0

    def alone(self, operation: str, body: dict[str, Any]) -> Answer:
        raw = json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1",
            "CONTENT_TYPE": HEADERS["content-type"],
            "CONTENT_LENGTH": str(len(raw)),
            "HTTP_AUTHORIZATION": HEADERS["authorization"],
            "HTTP_X_AMZ_TARGET": headers(operation)["x-amz-target"],
            "wsgi.input": io.BytesIO(raw),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        status: list[str] = []
        try:
            content = b"".join(self._application(environ, lambda line, _headers, _error=None: status.append(line)))
        except TypeError:  # it compares a text with a number
            return 500, {}
        return int(status[0].split()[0]), json.loads(content)

    def with_direct(self, operation: str, body: dict[str, Any]) -> Answer:
        answer = self._direct.answer(headers(operation), json.dumps(body).encode())
        if answer is None:
            return self.alone(operation, body)
        self.updated_directly += operation == "UpdateItem"
        return answer[0], json.loads(answer[2])


class Requests:
    """Updates that the functions might ask for, some of them wrong."""

    NAMES = ("f", "g", "c1.day", "m1", "p1", "open", "expires_at", "state", "pk")

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def update(self) -> dict[str, Any]:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        # What is changed twice in one update is wrong, and should be only now and then.
        self._targets = self._random.sample(self.NAMES[:-1], len(self.NAMES) - 1)
        clauses = [self._clause(verb, change) for verb, change in self._verbs()]
        body: dict[str, Any] = {
            "Key": {"pk": {"S": self._random.choice("abcd")}, "sk": {"S": "tenant"}},
            "UpdateExpression": " ".join(clauses) + " ",
            "ReturnValues": self._random.choice(["ALL_NEW", "ALL_NEW", "NONE", "UPDATED_NEW"]),
        }
        if self._random.random() < 0.9:
            body["ConditionExpression"] = self._condition(2)
            body["ReturnValuesOnConditionCheckFailure"] = self._random.choice(["ALL_OLD", "NONE"])
        if self._random.random() < 0.02:
            self._values[":unused"] = {"N": "1"}
        return body | {
            name: words
            for name, words in (("ExpressionAttributeNames", self._names), ("ExpressionAttributeValues", self._values))
            if words
        }

    def _verbs(self) -> list[tuple[str, Callable[[], str]]]:
        verbs = [("SET", self._set), ("ADD", self._add), ("REMOVE", self._target)]
        return self._random.sample(verbs, self._random.choice([1, 2, 2, 3, 3]))

    def _clause(self, verb: str, change: Callable[[], str]) -> str:
        return f"{verb} " + ", ".join(change() for _ in range(self._random.choice([1, 1, 2, 2])))

    def _target(self) -> str:
        return self._name(self._targets.pop() if self._random.random() < 0.97 else self._random.choice(self.NAMES))

    def _name(self, name: str | None = None) -> str:
        name = name or self._random.choice(self.NAMES[:-1])
        if name in ("f", "expires_at", "quiet") and self._random.random() < 0.3:
            return name
        word = next((word for word, known in self._names.items() if known == name), f"#{len(self._names)}")
        self._names[word] = name
        return word

    def _value(self, *kinds: str) -> str:
        word = f":{len(self._values)}"
        kind = self._random.choice(kinds)
        contents = {"N": ["0", "1", "-1", "7", "99999999999", "1.5"], "S": ["open", "kept", "{}", ""], "L": [[{"N": "1"}]]}
        content = self._random.choice(contents[kind][: (5 if kind == "N" else 3) if self._random.random() < 0.98 else 9])
        self._values[word] = {kind: content}
        return word

    def _set(self) -> str:
        name = self._target()
        form = self._random.randrange(6)
        if form == 0:
            return f"{name} = if_not_exists({name}, {self._value('S', 'N')})"
        if form == 1:
            return f"{name} = {name} {self._random.choice('+-')} {self._value('N')}"
        return f"{name} = {self._value('S', 'N', 'N', 'N', 'N', *(['L'] if self._random.random() < 0.02 else []))}"

    def _add(self) -> str:
        return f"{self._target()} {self._value('N')}"

    def _condition(self, depth: int) -> str:
        form = self._random.randrange(5 if depth else 3)
        if form == 0:
            return f"attribute_exists({self._name()})"
        if form == 1:
            return f"attribute_not_exists({self._name()})"
        if form == 2:
            return f"{self._name()} {self._random.choice(['<=', '<', '=', '>', '>='])} {self._value('N', 'N', 'N', 'N', 'S')}"
        word = self._random.choice([" AND ", " OR "])
        return "(" + word.join(self._condition(depth - 1) for _ in range(self._random.choice([2, 3]))) + ")"


def without_capacity(answer: Answer) -> Answer:
    """Nobody asked what it consumed; moto tells all the same."""
    return answer[0], {name: value for name, value in answer[1].items() if name != "ConsumedCapacity"}


def test_what_is_done_directly_is_what_moto_does() -> None:
    moto, requests = Moto(), Requests(5)
    for name in ("by-moto", "direct"):
        assert moto.alone("CreateTable", table(name))[0] == 200
    seen: dict[int, int] = {}
    for n in range(1_500):
        update = requests.update()
        expected = moto.alone("UpdateItem", update | {"TableName": "by-moto"})
        given = moto.with_direct("UpdateItem", update | {"TableName": "direct"})
        assert without_capacity(given) == without_capacity(expected), f"update {n}: {update}"
        seen[expected[0]] = seen.get(expected[0], 0) + 1
        read = {"Key": update["Key"], "ConsistentRead": True}
        kept = [moto.alone("GetItem", read | {"TableName": name}) for name in ("by-moto", "direct")]
        assert kept[0] == kept[1], f"after update {n}: {update}"
        assert moto.with_direct("GetItem", read | {"TableName": "direct"}) == kept[0]
    assert moto.updated_directly > 300 and min(seen[200], seen[400]) > 300, f"{moto.updated_directly} directly, {seen}"


# --- The server -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("moto")
    file = folder / "port"
    script = [sys.executable, str(LOCAL / "moto_serial.py"), str(file), str(folder / "kms.json")]
    server = subprocess.Popen(script, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        end = time.monotonic() + START_SECONDS
        while not file.exists():
            assert server.poll() is None and time.monotonic() < end, "it did not start"
            time.sleep(0.05)
        yield int(file.read_text())
    finally:
        server.terminate()
        server.wait()


class Client:
    """A connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, operation: str, body: dict[str, Any]) -> Answer:
        self._connection.request("POST", "/", json.dumps(body), headers(operation))
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def number(self, name: str, attribute: str, key: dict[str, Any] = KEY) -> str | None:
        status, body = self.ask("GetItem", {"TableName": name, "Key": key, "ConsistentRead": True})
        assert status == 200
        return body.get("Item", {}).get(attribute, {}).get("N")


def one_more(name: str, most: int) -> dict[str, Any]:
    return {
        "TableName": name,
        "Key": KEY,
        "UpdateExpression": "ADD #n :one",
        "ConditionExpression": "attribute_not_exists(#n) OR #n < :most",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":most": {"N": str(most)}},
    }


def test_twelve_writers_on_a_conditional_counter_end_at_exactly_its_limit(port: int) -> None:
    client, admitted = Client(port), []
    assert client.ask("CreateTable", table("counted"))[0] == 200

    def write() -> None:
        mine = Client(port)
        # Every third way, moto does it: both must see what the other did.
        beside = [{}, {}, {"ReturnConsumedCapacity": "TOTAL"}]
        answers = [mine.ask("UpdateItem", one_more("counted", 200) | beside[n % 3])[0] for n in range(30)]
        admitted.append(answers.count(200))
        assert answers.count(200) + answers.count(400) == 30

    writers = [threading.Thread(target=write) for _ in range(12)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (len(admitted), sum(admitted), client.number("counted", "n")) == (12, 200, "200")


def test_what_is_refused_changes_nothing(port: int) -> None:
    client = Client(port)
    assert client.ask("CreateTable", table("refused"))[0] == 200
    other = {"pk": {"S": "other"}, "sk": {"S": "two"}}
    assert client.ask("UpdateItem", one_more("refused", 1))[0] == 200
    status, body = client.ask("UpdateItem", one_more("refused", 1) | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"})
    assert (status, body["Item"]["n"]) == (400, {"N": "1"})
    # Of two writes of a transaction the second is refused, so neither is done.
    first = {name: value for name, value in one_more("refused", 9).items()} | {"Key": other}
    status, body = client.ask("TransactWriteItems", {"TransactItems": [{"Update": first}, {"Update": one_more("refused", 1)}]})
    assert (status, body["__type"].rpartition("#")[2]) == (400, "TransactionCanceledException")
    assert (client.number("refused", "n"), client.number("refused", "n", other)) == ("1", None)


def test_who_says_nothing_holds_up_nobody(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as silent:
        silent.sendall(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n")
        assert Client(port).ask("ListTables", {})[0] == 200
