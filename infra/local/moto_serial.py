"""KMS and DynamoDB from moto, one request at a time: `moto_serial.py PORT_FILE`.

moto's own command serves in threads, and its tables are not locked: of 12 writers on one conditional counter of 200, 207 were
admitted. One after another, it is exactly 200. So this is werkzeug's plain server, which also closes each connection.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Handler(WSGIRequestHandler):
    """Gives up on a connection that says nothing, since everybody else waits behind it."""

    timeout = 5


def main(port_file: Path) -> None:
    """Listens on a free loopback port and writes it down."""
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=False, request_handler=Handler)
    written = port_file.with_name(port_file.name + ".new")
    written.write_text(str(server.port))
    os.replace(written, port_file)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
