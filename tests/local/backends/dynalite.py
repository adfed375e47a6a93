"""dynalite: a strict DynamoDB server from npm, without transactions. It runs on the Node.js of the builds.

The server is installed once into `.build/dynalite`, from `dynalite-package/package-lock.json`. That lock file
contains hashes, but no download URLs. So npm downloads the packages from the registry in its own settings.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Self

import boto3
from attrs import frozen
from botocore.config import Config
from botocore.exceptions import ClientError

from local.node import NodeInstallation, find_node

LOCKED = Path(__file__).parent / "dynalite-package"
INSTALLED = Path(__file__).parents[3] / ".build" / "dynalite"

# This server listens on a free port and prints the port. It exits when its parent closes standard input.
SERVER = """
const server = require('dynalite')({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
server.keepAliveTimeout = 0 // never close idle connections: a client could use one at that moment and fail
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit(0))
"""


@frozen
class ItemReturningClient:
    """A DynamoDB client that adds the existing row to the error of a failed condition.

    DynamoDB does this if a request has `ReturnValuesOnConditionCheckFailure`. dynalite ignores the argument.
    """

    _client: Any

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(self._client, operation)

        def call_and_add_item(**arguments: Any) -> Any:  # noqa: ANN401 - as the client
            try:
                return call(**arguments)
            except ClientError as error:
                if "ReturnValuesOnConditionCheckFailure" in arguments:
                    key = arguments.get("Key") or self._extract_key(arguments["TableName"], arguments["Item"])
                    there = self._client.get_item(TableName=arguments["TableName"], Key=key)
                    error.response.update({"Item": there["Item"]} if "Item" in there else {})
                raise

        return call_and_add_item

    def _extract_key(self, table: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
        schema = self._client.describe_table(TableName=table)["Table"]["KeySchema"]
        return {each["AttributeName"]: item[each["AttributeName"]] for each in schema}


@frozen
class Dynalite:
    """A running dynalite server.

    Attributes:
        client: DynamoDB client of the server.
    """

    client: Any

    @classmethod
    @contextlib.contextmanager
    def run_server(cls) -> Generator[Self]:
        """Install dynalite if necessary, and run the server until the context ends."""
        node = find_node()
        folder = install_dynalite(node)
        process = subprocess.Popen(
            [node.node, "-e", SERVER], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            client = boto3.client(
                "dynamodb",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="ap-southeast-1",
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
                config=Config(max_pool_connections=64, retries={"total_max_attempts": 1}),
            )
            yield cls(ItemReturningClient(client))
        finally:
            process.communicate("")


def install_dynalite(node: NodeInstallation) -> Path:
    """Return the installation folder of dynalite. Install dynalite if the lock file is new or has changed."""
    lock = (LOCKED / "package-lock.json").read_bytes()
    if _is_installed(INSTALLED, lock):
        return INSTALLED
    INSTALLED.parent.mkdir(parents=True, exist_ok=True)
    # Two test workers can install at the same time. Therefore each worker installs into its own folder, and
    # renames the folder at the end.
    with tempfile.TemporaryDirectory(dir=INSTALLED.parent) as name:
        folder = Path(name) / "dynalite"
        shutil.copytree(LOCKED, folder)
        path = f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True, timeout=300)
        with contextlib.suppress(OSError):
            if INSTALLED.exists() and not _is_installed(INSTALLED, lock):
                shutil.rmtree(INSTALLED)
            folder.rename(INSTALLED)
    if not _is_installed(INSTALLED, lock):
        warnings.warn(f"{INSTALLED} does not match the lock file", stacklevel=2)
    return INSTALLED


def _is_installed(folder: Path, lock: bytes) -> bool:
    present = folder / "package-lock.json"
    return (
        present.exists() and present.read_bytes() == lock and (folder / "node_modules" / "dynalite").exists()
    )
