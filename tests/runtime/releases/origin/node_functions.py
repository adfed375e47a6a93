"""Helpers that run the files of released functions in real Node.js workers, as Lambda runs a version."""

import asyncio
import base64
import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from local.emulator.node_function import Credentials, InvokeMode, NodeFunctionVersion
from local.http_messages import Headers
from local.node import find_node
from local.workers.pool import WorkerPool
from local.workers.process import NO_LOCAL_NAMES, LocalNames
from runtime.deploy.releases.build_output.artifact import CACHE_RULES, WRAPPER_FILES
from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules

DEPLOY = Path(__file__).parents[4] / "runtime" / "deploy"
ORIGIN = DEPLOY / "releases" / "origin" / "anchor-origin.mjs"
URL_HOST = "abc123.lambda-url.ap-southeast-1.on.aws"
KEY = "0123456789abcdef0123456789abcdef01234567"
KEY_HASH = hashlib.sha256(KEY.encode()).hexdigest()
SEPARATOR = bytes(8)


def make_zip(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    return buffer.getvalue()


def make_function_version(  # noqa: PLR0913 - the parts of a version that tests vary
    files: Mapping[str, str],
    *,
    name: str = "shop-server",
    number: str = "1",
    handler: str = "index.handler",
    environment: Mapping[str, str] | None = None,
    timeout: int = 30,
    invoke_mode: InvokeMode = "RESPONSE_STREAM",
    endpoint_url: str = "http://127.0.0.1:4566",
) -> NodeFunctionVersion:
    code = make_zip(files)
    return NodeFunctionVersion(
        name=name,
        version=number,
        arn=f"arn:aws:lambda:ap-southeast-1:000000000000:function:{name}",
        runtime="nodejs22.x",
        handler=handler,
        role_arn=f"arn:aws:iam::000000000000:role/{name}",
        region="ap-southeast-1",
        code_sha256=base64.b64encode(hashlib.sha256(code).digest()).decode(),
        environment=environment or {},
        memory=256,
        timeout=timeout,
        endpoint_url=endpoint_url,
        credentials=Credentials(access_key_id="AKID", secret_access_key="SECRET", session_token="TOKEN"),
        code=code,
        invoke_mode=invoke_mode,
    )


def make_wrapped_version(  # noqa: PLR0913 - the parts of a version that tests vary
    index: str,
    *,
    environment: Mapping[str, str] | None = None,
    name: str = "shop-server",
    number: str = "1",
    rules: str = SharedCacheRules().to_json().decode(),
    more_files: Mapping[str, str] | None = None,
    endpoint_url: str = "http://127.0.0.1:4566",
    timeout: int = 30,
) -> NodeFunctionVersion:
    """Return a version whose `index.mjs` runs behind the platform's wrapper with these cache rules."""
    files = {
        "index.mjs": index,
        **{name: (ORIGIN.parent / name).read_text() for name in WRAPPER_FILES},
        CACHE_RULES: rules,
        **(more_files or {}),
    }
    variables = {"ANCHOR_ORIGIN_KEY_HASH": KEY_HASH} if environment is None else environment
    return make_function_version(
        files,
        handler="anchor-origin.handler",
        environment=variables,
        name=name,
        number=number,
        endpoint_url=endpoint_url,
        timeout=timeout,
    )


class Lines:
    """The log lines that functions wrote."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._news = asyncio.Event()

    def add(self, line: str) -> None:
        self.all.append(line)
        self._news.set()

    async def wait_for(self, part: str) -> str:
        """Return the first line that contains `part`. Wait until a function has written such a line."""
        while True:
            for line in self.all:
                if part in line:
                    return line
            self._news.clear()
            await self._news.wait()


@contextlib.asynccontextmanager
async def run_worker_pool(
    maximum: int = 8,
    certificate_authority: Path | None = None,
    local_names: LocalNames = NO_LOCAL_NAMES,
) -> AsyncGenerator[tuple[WorkerPool, Lines]]:
    """Yield a worker pool, and the log lines of its functions."""
    lines = Lines()
    pool = WorkerPool(
        node=find_node().node,
        log=lambda _, line: lines.add(line),
        certificate_authority=certificate_authority,
        local_names=local_names,
        maximum=maximum,
    )
    await pool.open()
    try:
        yield pool, lines
    finally:
        await pool.close()


class Answer:
    """A response of a function URL, read completely."""

    def __init__(self, status: int, headers: Headers, chunks: list[bytes]) -> None:
        self.status = status
        self.headers = headers
        self.chunks = chunks
        self.body = b"".join(chunks)

    def get_header(self, name: str) -> str | None:
        """Return the value of a header that occurs once. Return None if the response has no such header."""
        found = [value for given, value in self.headers if given == name]
        assert len(found) < 2, found
        return found[0] if found else None

    def list_header_values(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given == name]

    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        return json.loads(self.body)


async def send_request(  # noqa: PLR0913 - the parts of a request
    pool: WorkerPool,
    version: NodeFunctionVersion,
    target: str,
    *,
    method: str = "GET",
    headers: Headers | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send a request to the function's URL, with the origin key by default."""
    sent = [("x-anchor-origin-key", KEY)] if headers is None else headers
    async with pool.request(
        version, method=method, target=target, headers=[("host", URL_HOST), *sent], body=body
    ) as response:
        return Answer(response.status, response.headers, [chunk async for chunk in response.chunks])
