"""KMS and DynamoDB from moto, one request at a time: `moto_serial.py PORT_FILE KEYS_FILE`.

moto's own command serves in threads, and its tables are not locked: of 12 writers on one conditional counter of 200, 207 were
admitted. One after another, it is exactly 200 (tests/local_stack/ holds it to that). What every request of the functions needs of
DynamoDB is done without moto's machinery, on the same items: dynamodb_direct.py.

moto forgets its KMS keys when it ends, and what was sealed under them would never open again. So the one key of the local stack comes
from KEYS_FILE, which is made where it is missing.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

from moto.core import DEFAULT_ACCOUNT_ID
from moto.kms.models import kms_backends
from moto.server import DomainDispatcherApplication, create_backend_app

import serial_http
from dynamodb_direct import Direct
from moto_server import KEY_ALIAS, REGION
from settings import write_secret


def main(port_file: Path, keys_file: Path) -> None:
    """Listens on a free loopback port and writes it down."""
    keep_key(keys_file)
    app = DomainDispatcherApplication(create_backend_app)

    def listening(port: int) -> None:
        written = port_file.with_name(port_file.name + ".new")
        written.write_text(str(port))
        os.replace(written, port_file)

    serial_http.serve(app, Direct(REGION).answer, listening)


def keep_key(keys_file: Path) -> None:
    """Puts the KMS key of the file in its place, with its id and its material; writes a new one down where there is no file."""
    kms = kms_backends[DEFAULT_ACCOUNT_ID][REGION]
    key = kms.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "Supergate, local", None)
    if keys_file.exists():
        kept = json.loads(keys_file.read_text())
        kms.keys[kept["id"]] = kms.keys.pop(key.id)
        key.arn = key.arn.replace(key.id, kept["id"])
        key.id = kept["id"]
        key.key_material = base64.b64decode(kept["material"])
    else:
        write_secret(keys_file, json.dumps({"id": key.id, "material": base64.b64encode(key.key_material).decode()}))
    kms.create_alias(key.id, KEY_ALIAS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
