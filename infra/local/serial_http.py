"""An HTTP server that does one request after the other, in one thread, and keeps its connections.

A connection that says nothing holds up nobody: a request is done when it is all there, and not before.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# A status, the content's type and the content; none: the application should answer.
Shortcut = Callable[[dict[str, str], bytes], tuple[int, str, bytes] | None]

HOST = "127.0.0.1"
MOST_HEADER_BYTES = 64 * 1024


def serve(application: Wsgi, shortcut: Shortcut, listening: Callable[[int], None]) -> None:
    """Listens on a free loopback port, tells which, and serves until the process ends."""
    asyncio.run(_serve(application, shortcut, listening))


async def _serve(application: Wsgi, shortcut: Shortcut, listening: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(application, shortcut), HOST, 0, backlog=1024)
    listening(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


class _Connection(asyncio.Protocol):
    """Answers requests in the order in which they come. No step of it waits, so nothing comes between two lines of a request."""

    def __init__(self, application: Wsgi, shortcut: Shortcut) -> None:
        self._application = application
        self._shortcut = shortcut
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._transport is not None and not self._transport.is_closing():
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                if len(self._received) > MOST_HEADER_BYTES:
                    self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
            first, headers = _read_head(self._received[:end].decode("latin-1"))
            length = headers.get("content-length", "0")
            if len(first) != 3 or not length.isdecimal() or "transfer-encoding" in headers:
                self._refuse(HTTPStatus.BAD_REQUEST)
                return
            whole = end + 4 + int(length)
            if len(self._received) < whole:
                return
            body = bytes(self._received[end + 4 : whole])
            del self._received[:whole]
            self._answer(first, headers, body)

    def _answer(self, first: list[str], headers: dict[str, str], body: bytes) -> None:
        method, target, version = first
        keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        quick = self._shortcut(headers, body) if method == "POST" and target == "/" else None
        if quick is not None:
            status, content_type, content = quick
            self._send(f"{status} {HTTPStatus(status).phrase}", [("Content-Type", content_type)], content, keep)
            return
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, with_headers: list[tuple[str, str]], _error: Any = None) -> None:
            started.append((status, with_headers))

        try:
            content = b"".join(self._application(_environment(method, target, version, headers, body), start))
        except Exception as error:  # one request's fault is not the next one's
            print(f"{method} {target}: {error!r}", file=sys.stderr, flush=True)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        self._send(*started[-1], content, keep)

    def _refuse(self, status: HTTPStatus) -> None:
        self._send(f"{status.value} {status.phrase}", [], b"", keep=False)

    def _send(self, status: str, headers: list[tuple[str, str]], content: bytes, keep: bool) -> None:
        lines = [f"HTTP/1.1 {status}", f"Date: {formatdate(usegmt=True)}", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers if name.lower() not in ("content-length", "date")]
        lines += [] if keep else ["Connection: close"]
        assert self._transport is not None
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + content)
        if not keep:
            self._transport.close()


def _read_head(text: str) -> tuple[list[str], dict[str, str]]:
    """The three words of the first line, and the headers by their names in small letters."""
    first, *lines = text.split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return first.split(" "), headers


def _environment(method: str, target: str, version: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": target,
        "QUERY_STRING": query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": version,
        "REMOTE_ADDR": HOST,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ
