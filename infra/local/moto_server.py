"""The AWS services that the functions use, played by moto: a table, made anew at each start, and a KMS key, which is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from processes import Child, Children
from settings import Settings

TABLE = "supergate-local"
KEY_ALIAS = "alias/supergate-local"
KMS_FILE = "kms.json"
REGION = "us-east-1"
START_SECONDS = 60


def start(settings: Settings, folder: Path, log: Path, children: Children, env: dict[str, str]) -> str:
    """Starts moto with the KMS key that the folder keeps, makes the table; returns the endpoint."""
    port_file = folder / "moto.port"
    port_file.unlink(missing_ok=True)
    script = Path(__file__).with_name("moto_serial.py")
    child = Child("moto", [settings.python, script, port_file, folder / KMS_FILE], log, env)
    children.add(child)
    child.wait_until(port_file.exists, START_SECONDS, "open its port")
    endpoint = f"http://127.0.0.1:{port_file.read_text()}"
    _create_table(_client("dynamodb", endpoint))
    return endpoint


def variables(endpoint: str) -> dict[str, str]:
    """What the AWS SDK reads, and the names of the table and the key."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "SUPERGATE_TABLE": TABLE,
        "SUPERGATE_KMS_KEY_ID": KEY_ALIAS,
    }


def _create_table(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "open")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "open",
                "KeySchema": [{"AttributeName": "open", "KeyType": "HASH"}, {"AttributeName": "pk", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    dynamodb.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"})


def _client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(proxies={}, connect_timeout=5, read_timeout=10),
    )
