"""Runs scripts with the overrides of OpenNext in Node.js. Their AWS calls go to moto in the test process."""

import base64
import json
import shutil
import subprocess
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import boto3
from attrs import Factory, define
from botocore import xform_name
from botocore.exceptions import ClientError

from local.node import find_node

OVERRIDES: Final = Path(__file__).parents[3] / "components" / "sites" / "build_tools" / "overrides"
HERE: Final = Path(__file__).parent
BUCKET: Final = "anchor-dev-assets"
TABLE: Final = "anchor-dev-site-next-site-tags"
DEPLOYMENT: Final = "01JD3Q5B7Y9ZP6V8X0ZD4E6F8H"
BUILD: Final = "h54mCxr14b933Ow7L-nFn"
PREFIX: Final = f"cache/next-site/01PROJECT/{DEPLOYMENT}"
REGION: Final = "ap-southeast-1"
_PACKAGES: Final = ("@aws-sdk/client-s3", "@aws-sdk/client-dynamodb")
_IMPORTS: Final = """
import { inRequest, setTime } from "./requests.mjs";
import cache from "./overrides/incremental_cache.mjs";
import tagCache from "./overrides/tag_cache.mjs";
import queue from "./overrides/queue.mjs";
const result = await (async () => {
"""
_OUTPUT: Final = "\n})();\nconsole.log(JSON.stringify(result ?? null));\n"


@cache
def _find_node() -> Path:
    return find_node().node


@define
class OverrideHost:
    """A folder with the overrides, and the fake AWS that they call.

    Attributes:
        folder: The folder.
        url: URL of the fake AWS.
        calls: Operation and input of each call, in order.
        errors: Error code with which the next calls of an operation fail, by operation.
        batch_size: Number of keys that DynamoDB reads in one call. It returns the others as unprocessed.
    """

    folder: Path
    url: str = ""
    calls: list[tuple[str, dict[str, Any]]] = Factory(list)
    errors: dict[str, str] = Factory(dict)
    batch_size: int | None = None
    _clients: dict[str, Any] = Factory(dict)
    # moto does not evaluate a condition and write the row in one step.
    _lock: threading.Lock = Factory(threading.Lock)

    def run(self, script: str, variables: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - any JSON value
        """Return the JSON value that the body of an async function returns.

        The body can use `cache`, `tagCache`, `queue`, `inRequest` and `setTime`.

        Args:
            script: The body, in JavaScript.
            variables: Environment variables that replace those of a release.
        """
        path = self.folder / "script.mjs"
        path.write_text(f"{_IMPORTS}{script}{_OUTPUT}", encoding="utf-8")
        environment = {
            "FAKE_AWS": self.url,
            "ANCHOR_DEPLOYMENT_ID": DEPLOYMENT,
            "CACHE_BUCKET_NAME": BUCKET,
            "CACHE_BUCKET_KEY_PREFIX": PREFIX,
            "CACHE_BUCKET_REGION": REGION,
            "CACHE_DYNAMO_TABLE": TABLE,
            "OPEN_NEXT_BUILD_ID": BUILD,
            **(variables or {}),
        }
        ended = subprocess.run(
            [_find_node(), path], env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def count_calls(self, operation: str) -> int:
        return sum(called == operation for called, _ in self.calls)

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of moto to a call of the SDK."""
        with self._lock:
            return self._answer(call)

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        operation, given = call["operation"], call["input"]
        self.calls.append((operation, given))
        if code := self.errors.get(operation):
            return {"error": code}
        service = call["service"]
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=call["region"])
        client = self._clients[service]
        left: list[object] = []
        if operation == "BatchGetItem":
            keys = given["RequestItems"][TABLE]["Keys"]
            given["RequestItems"][TABLE]["Keys"], left = (
                keys[: self.batch_size],
                keys[self.batch_size or len(keys) :],
            )
        try:
            output = getattr(client, xform_name(operation))(**given)
        except ClientError as error:
            return {"error": error.response["Error"]["Code"]}
        if left:
            output["UnprocessedKeys"] = {TABLE: {"Keys": left}}
        if "Body" in output:
            output |= {"base64": base64.b64encode(output["Body"].read()).decode(), "Body": ""}
        if "LastModified" in output:
            output["LastModified"] = output["LastModified"].isoformat()
        return {"output": output}


@contextmanager
def open_override_host(folder: Path) -> Generator[OverrideHost]:
    """Yield a host in an empty folder. The caller has created the bucket and the table in moto."""
    shutil.copytree(OVERRIDES, folder / "overrides")
    shutil.copy(HERE / "requests.mjs", folder)
    for package in _PACKAGES:
        target = folder / "node_modules" / package
        target.mkdir(parents=True)
        shutil.copy(HERE / "fake_sdk.mjs", target / "index.mjs")
        (target / "package.json").write_text('{"type": "module", "exports": "./index.mjs"}', encoding="utf-8")
    host = OverrideHost(folder=folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["content-length"])))
            body = json.dumps(host.answer(call), default=str).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Write no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield host
        server.shutdown()
