"""The wrapper loads the secrets of a release before the site's code (A4, X2)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from local.emulator.node_function import NodeFunctionVersion
from local.workers.pool import WorkerPool
from tests.runtime.releases.origin.key_service import BUCKET, REGION, KeyService
from tests.runtime.releases.origin.node_functions import (
    KEY_HASH,
    Lines,
    make_wrapped_version,
    run_worker_pool,
    send_request,
)

INDEX = (Path(__file__).parent / "streaming.mjs").read_text()
OBJECT = "secrets/shop/01P/01D/variables"
ENVIRONMENT = {
    "ANCHOR_ORIGIN_KEY_HASH": KEY_HASH,
    "ANCHOR_SECRETS_OBJECT": OBJECT,
    "CACHE_BUCKET_NAME": BUCKET,
    "CACHE_BUCKET_REGION": REGION,
}
SECRETS = {
    "PASS": "se.cret$1",
    "KEY": "-----BEGIN KEY-----\nAbCdEfGh\n-----END KEY-----",
    "SHORT": "abc",
    "GREETING": "größe",
}

Check = Callable[[WorkerPool, NodeFunctionVersion, Lines], Awaitable[None]]


def make_key_service(content: bytes = b"encrypted") -> KeyService:
    return KeyService(
        objects={OBJECT: content},
        plaintexts={b"encrypted": json.dumps(SECRETS, ensure_ascii=False)},
        context={"site": "shop", "project": "01P"},
    )


def run_check(service: KeyService, check: Check, number: str) -> None:
    async def run() -> None:
        url = await service.open()
        version = make_wrapped_version(INDEX, number=number, environment=ENVIRONMENT, endpoint_url=url)
        try:
            async with run_worker_pool() as (pool, lines):
                await check(pool, version, lines)
        finally:
            await service.close()

    asyncio.run(run())


def test_the_first_line_of_the_sites_code_sees_the_secrets() -> None:
    """One request to S3 and one to KMS for a start of the function. `streaming.mjs` reads its environment."""

    async def check(pool: WorkerPool, version: NodeFunctionVersion, _: Lines) -> None:
        first = (await send_request(pool, version, "/echo")).json()["stolen"]
        assert {name: first["variables"].get(name) for name in SECRETS} == SECRETS
        assert not any(value in first["environ"] for value in SECRETS.values())
        await send_request(pool, version, "/echo")

    service = make_key_service()
    run_check(service, check, "1")
    assert service.requests == ["GetObject", "TrentService.Decrypt"]


def test_secrets_are_masked_in_everything_that_the_site_prints() -> None:
    """A4. A value that is shorter than four characters is not masked."""

    async def check(pool: WorkerPool, version: NodeFunctionVersion, lines: Lines) -> None:
        assert (await send_request(pool, version, "/prints")).body == b"printed"
        await lines.wait_for("100%")
        await lines.wait_for("bytes")
        text = "\n".join(line.split("\t")[-1] for line in lines.all)
        assert "token: *** key of abc" in text
        assert "Error: bad ***" in text
        assert "raw *** and ***" in text
        assert "bytes ***" in text
        assert "{ PASS: '***' }" in text
        assert "100% %s safe" in text
        assert "se.cret" not in text
        assert "AbCdEfGh" not in text

    run_check(make_key_service(), check, "2")


def test_a_short_failure_of_kms_delays_the_start() -> None:
    async def check(pool: WorkerPool, version: NodeFunctionVersion, _: Lines) -> None:
        assert (await send_request(pool, version, "/echo")).status == 200

    service = make_key_service()
    service.failures = 2
    run_check(service, check, "3")
    assert len(service.requests) == 4


def test_without_secrets_requests_get_503_until_they_can_be_loaded() -> None:
    """The site's code does not start without its secrets, and the process does not end."""

    async def check(pool: WorkerPool, version: NodeFunctionVersion, lines: Lines) -> None:
        answer = await send_request(pool, version, "/echo")
        assert (answer.status, answer.body) == (503, b"Service Unavailable\n")
        assert answer.get_header("cache-control") == "no-store"
        await lines.wait_for(
            "secret variables of this release cannot be loaded: KMS answered 400 InvalidCiphertextException"
        )
        service.plaintexts[b"encrypted"] = json.dumps(SECRETS)
        found = (await send_request(pool, version, "/echo")).json()["stolen"]["variables"]
        assert found["PASS"] == SECRETS["PASS"]

    service = make_key_service()
    service.plaintexts = {}
    run_check(service, check, "4")


def test_the_log_names_a_missing_object() -> None:
    async def check(pool: WorkerPool, version: NodeFunctionVersion, lines: Lines) -> None:
        assert (await send_request(pool, version, "/echo")).status == 503
        await lines.wait_for(f"cannot be loaded: S3 answered 403 for the object {OBJECT}")

    service = make_key_service()
    service.objects = {}
    run_check(service, check, "5")


def test_a_release_whose_secrets_were_removed_starts_without_them() -> None:
    """A newer live release of the project has no secrets. So it has emptied the object of this release."""

    async def check(pool: WorkerPool, version: NodeFunctionVersion, _: Lines) -> None:
        found = (await send_request(pool, version, "/echo")).json()["stolen"]["variables"]
        assert not SECRETS.keys() & found.keys()

    service = make_key_service(b"")
    run_check(service, check, "6")
    assert service.requests == ["GetObject"]
