"""What the functions ask DynamoDB for with every request, done on moto's own items without moto's machinery.

moto takes 6 ms for an UpdateItem of ours: it reads the expressions three times over, copies the item twice and checks the answer
against a model of the API. Here an expression is read once, however often it comes, and takes 0.1 ms. What is not understood here,
whatever is wrong with it among them, is not begun, and moto does it; so there is no error in this file but the one of a condition
that does not hold. tests/local_stack/ compares the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

JSON = "application/x-amz-json-1.0"
REFUSED = {
    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "message": "The conditional request failed",
}
UPDATE_FIELDS = frozenset(
    "TableName Key UpdateExpression ConditionExpression ExpressionAttributeNames ExpressionAttributeValues ReturnValues "
    "ReturnValuesOnConditionCheckFailure".split()
)
GET_FIELDS = frozenset(("TableName", "Key", "ConsistentRead"))
# Types whose value is one text, number or truth, as JSON has it.
PLAIN = frozenset(("S", "N", "BOOL", "NULL"))
WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,36})\Z")
# moto checks the size of an item that comes near the largest.
MOST_BYTES = 300_000
TOKEN = re.compile(r"\s*(#\w+|:\w+|[A-Za-z_]\w*|<=|>=|[=<>(),+-])")

Attributes = Mapping[str, DynamoType]
Values = Mapping[str, dict[str, Any]]


class NotOurs(Exception):
    """moto should do this."""


class Direct:
    """Answers what it can of the requests for tables in a region."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._answers = {
            "DynamoDB_20120810.UpdateItem": self._update,
            "DynamoDB_20120810.GetItem": self._get,
        }

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes] | None:
        """The answer, or nothing where moto should give it."""
        answer = self._answers.get(headers.get("x-amz-target", ""))
        if answer is None or f"/{self._region}/dynamodb/" not in headers.get("authorization", ""):
            return None
        try:
            status, content = answer(json.loads(body))
        except (NotOurs, ValueError, KeyError, TypeError, AttributeError):
            return None
        return status, JSON, json.dumps(content).encode()

    def _update(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        table, hash_key, range_key = self._place(body, UPDATE_FIELDS)
        item = table.get_item(hash_key, range_key)
        attributes: Attributes = item.attrs if item else {}
        returns, returns_refused = body.get("ReturnValues", "NONE"), body.get("ReturnValuesOnConditionCheckFailure", "NONE")
        if returns not in ("NONE", "ALL_NEW") or returns_refused not in ("NONE", "ALL_OLD"):
            raise NotOurs
        shown = _plain(attributes)
        update, condition = _read_update(body["UpdateExpression"]), _read_condition(body.get("ConditionExpression"))
        names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
        if set(names) != update.names | condition.names or set(values) != update.values | condition.values:
            raise NotOurs
        # All that may be wrong comes before the condition, because it is wrong whether or not that holds.
        set_to, removed = update.apply(attributes, names, values)
        _check_changes(table, {*set_to, *removed}, set_to, attributes)
        if not condition.holds(attributes, names, values):
            old = {"Item": shown} if item and returns_refused == "ALL_OLD" else {}
            return 400, REFUSED | old
        if item is None:
            key = {name: {value.type: value.value} for name, value in ((table.hash_key_attr, hash_key), (table.range_key_attr, range_key))}
            table.put_item(key)
            item = table.get_item(hash_key, range_key)
            assert isinstance(item, Item)
        # dict's own, because moto's adds up the whole item for each attribute.
        for name, value in set_to.items():
            dict.__setitem__(item.attrs, name, value)
        for name in removed:
            item.attrs.pop(name, None)
        return 200, {"Attributes": _plain(item.attrs)} if returns == "ALL_NEW" else {}

    def _get(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        item = Table.get_item(*self._place(body, GET_FIELDS))
        return 200, {"Item": _plain(item.attrs)} if item else {}

    def _place(self, body: dict[str, Any], fields: frozenset[str]) -> tuple[Table, DynamoType, DynamoType]:
        """The table and an item's place in it."""
        table = dynamodb_backends[DEFAULT_ACCOUNT_ID][self._region].tables.get(body["TableName"])
        key = body["Key"]
        if table is None or not fields.issuperset(body) or table.stream_shard is not None:
            raise NotOurs
        if set(key) != {table.hash_key_attr, table.range_key_attr} or table.hash_key_attr == table.range_key_attr:
            raise NotOurs
        for value in key.values():
            if set(value) != {"S"} or not isinstance(value["S"], str) or not 0 < len(value["S"]) <= 200:
                raise NotOurs
        return table, DynamoType(key[table.hash_key_attr]), DynamoType(key[table.range_key_attr])


def _plain(attributes: Attributes) -> dict[str, dict[str, Any]]:
    if any(value.type not in PLAIN for value in attributes.values()):
        raise NotOurs
    return {name: {value.type: value.value} for name, value in attributes.items()}


def _check_changes(table: Table, changed: set[str], set_to: Attributes, attributes: Attributes) -> None:
    """Leaves to moto what it has to check: keys, those of indexes and their types, and large items."""
    if not changed.isdisjoint((table.hash_key_attr, table.range_key_attr)):
        raise NotOurs
    for definition in table.attr:
        new = set_to.get(definition["AttributeName"])
        if new is not None and (new.type != definition["AttributeType"] or not new.value):
            raise NotOurs
    size = sum(len(name) + len(str(value.value)) for part in (attributes, set_to) for name, value in part.items())
    if size > MOST_BYTES:
        raise NotOurs


@dataclass(frozen=True)
class _Update:
    names: frozenset[str]
    values: frozenset[str]
    # What each attribute becomes; none: it goes.
    changes: tuple[tuple[str, Callable[[_Scope], DynamoType] | None], ...]

    def apply(self, attributes: Attributes, names: Mapping[str, str], values: Values) -> tuple[dict[str, DynamoType], list[str]]:
        """What becomes of an item with these attributes, which all changes see as it was: what is set, and what is removed."""
        scope = _Scope(attributes, names, values)
        set_to: dict[str, DynamoType] = {}
        removed: list[str] = []
        for word, change in self.changes:
            name = scope.name(word)
            if name in set_to or name in removed:
                raise NotOurs
            if change is None:
                removed.append(name)
            else:
                set_to[name] = change(scope)
        return set_to, removed


@dataclass(frozen=True)
class _Condition:
    names: frozenset[str]
    values: frozenset[str]
    test: Callable[[_Scope], bool]

    def holds(self, attributes: Attributes, names: Mapping[str, str], values: Values) -> bool:
        return self.test(_Scope(attributes, names, values))


class _Scope:
    """An item as it is, and what a request's words stand for."""

    def __init__(self, attributes: Attributes, names: Mapping[str, str], values: Values) -> None:
        self._attributes = attributes
        self._names = names
        self._values = values

    def name(self, word: str) -> str:
        return self._names[word] if word.startswith("#") else word

    def attribute(self, word: str) -> DynamoType | None:
        return self._attributes.get(self.name(word))

    def value(self, word: str) -> DynamoType:
        value = self._values[word]
        ((kind, content),) = value.items()
        is_fine = isinstance(content, str) if kind == "S" else kind == "N" and WHOLE_NUMBER.match(content)
        if not is_fine:
            raise NotOurs
        return DynamoType(value)


Operand = Callable[[_Scope], DynamoType | None]


class _Words:
    """The words of an expression, one after the other, and those seen that stand for something."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = []
        at, text = 0, text.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                raise NotOurs
            self._words.append(match[1])
            at = match.end()
        self._at = 0
        self.names: set[str] = set()
        self.values: set[str] = set()

    def peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self, *expected: str) -> str:
        word = self.peek()
        if not word or (expected and word.upper() not in expected):
            raise NotOurs
        self._at += 1
        return word

    def has(self, *words: str) -> bool:
        """Takes the next if it is one of these."""
        found = self.peek().upper() in words
        self._at += found
        return found

    def name(self) -> str:
        word = self.take()
        if word.startswith("#"):
            self.names.add(word)
        elif not re.match(r"[A-Za-z_]", word) or word.upper() in ReservedKeywords.get_reserved_keywords():
            raise NotOurs
        return word

    def value(self) -> str:
        word = self.take()
        if not word.startswith(":"):
            raise NotOurs
        self.values.add(word)
        return word

    def operand(self) -> Operand:
        if self.peek().startswith(":"):
            value = self.value()
            return lambda scope: scope.value(value)
        name = self.name()
        return lambda scope: scope.attribute(name)

    def end(self) -> None:
        if self.peek():
            raise NotOurs


@lru_cache(maxsize=4096)
def _read_update(text: str) -> _Update:
    words = _Words(text)
    changes: list[tuple[str, Callable[[_Scope], DynamoType] | None]] = []
    seen = set()
    while words.peek():
        verb = words.take("SET", "ADD", "REMOVE").upper()
        if verb in seen:
            raise NotOurs
        seen.add(verb)
        while True:
            name = words.name()
            changes.append((name, _CHANGES[verb](words, name)))
            if not words.has(","):
                break
    return _Update(frozenset(words.names), frozenset(words.values), tuple(changes))


def _read_set(words: _Words, _name: str) -> Callable[[_Scope], DynamoType]:
    words.take("=")
    if words.peek() == "if_not_exists":
        words.take()
        words.take("(")
        known = words.name()
        words.take(",")
        other = words.value()
        words.take(")")
        return lambda scope: scope.attribute(known) or scope.value(other)
    left = words.operand()
    if words.peek() not in ("+", "-"):
        return lambda scope: _needed(left(scope))
    sign = 1 if words.take() == "+" else -1
    right = words.operand()
    return lambda scope: _sum(_needed(left(scope)), _needed(right(scope)), sign)


def _read_add(words: _Words, name: str) -> Callable[[_Scope], DynamoType]:
    value = words.value()
    return lambda scope: _sum(scope.attribute(name) or DynamoType({"N": "0"}), scope.value(value), 1)


_CHANGES: dict[str, Callable[[_Words, str], Callable[[_Scope], DynamoType] | None]] = {
    "SET": _read_set,
    "ADD": _read_add,
    "REMOVE": lambda _words, _name: None,
}


def _needed(value: DynamoType | None) -> DynamoType:
    if value is None:
        raise NotOurs
    return value


def _sum(left: DynamoType, right: DynamoType, sign: int) -> DynamoType:
    return DynamoType({"N": str(_whole(left) + sign * _whole(right))})


def _whole(number: DynamoType) -> int:
    if number.type != "N" or not WHOLE_NUMBER.match(number.value):
        raise NotOurs
    return int(number.value)


@lru_cache(maxsize=4096)
def _read_condition(text: str | None) -> _Condition:
    if text is None:
        return _Condition(frozenset(), frozenset(), lambda _scope: True)
    words = _Words(text)
    test = _read_either(words)
    words.end()
    return _Condition(frozenset(words.names), frozenset(words.values), test)


def _read_either(words: _Words) -> Callable[[_Scope], bool]:
    tests = [_read_all(words)]
    while words.has("OR"):
        tests.append(_read_all(words))
    return tests[0] if len(tests) == 1 else lambda scope: any([test(scope) for test in tests])


def _read_all(words: _Words) -> Callable[[_Scope], bool]:
    tests = [_read_one(words)]
    while words.has("AND"):
        tests.append(_read_one(words))
    # All are tried, so that what moto should see is seen in each.
    return tests[0] if len(tests) == 1 else lambda scope: all([test(scope) for test in tests])


def _read_one(words: _Words) -> Callable[[_Scope], bool]:
    if words.has("("):
        inner = _read_either(words)
        words.take(")")
        return inner
    if words.peek() in ("attribute_exists", "attribute_not_exists"):
        wanted = words.take() == "attribute_exists"
        words.take("(")
        name = words.name()
        words.take(")")
        return lambda scope: (scope.attribute(name) is not None) == wanted
    left = words.operand()
    compare = _COMPARISONS[words.take(*_COMPARISONS)]
    right = words.operand()
    return lambda scope: compare(*_comparable(left(scope), right(scope)))


# Nothing compares with what is not there.
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left is not None and left == right,
    "<": lambda left, right: left is not None and left < right,
    "<=": lambda left, right: left is not None and left <= right,
    ">": lambda left, right: left is not None and left > right,
    ">=": lambda left, right: left is not None and left >= right,
}


def _comparable(left: DynamoType | None, right: DynamoType | None) -> tuple[Any, Any]:
    if left is None or right is None:
        return None, None
    if left.type != right.type or left.type not in ("S", "N"):
        raise NotOurs
    return (left.value, right.value) if left.type == "S" else (_whole(left), _whole(right))
