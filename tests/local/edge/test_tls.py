"""One port accepts http and https, because OpenNext's revalidation calls the site over https (D7, L3)."""

import asyncio
import contextlib
import datetime as dt
import ssl
import stat
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from local.edge.certificates import LocalAuthority
from local.workers.process import LocalNames
from tests.edge.edge_host import HOST
from tests.local.edge.edge_fixture import RunningEdge, run_scenario
from tests.runtime.releases.origin.node_functions import make_function_version, run_worker_pool, send_request

NOW = dt.datetime.now(dt.UTC)


def create_tls_context(authority: LocalAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.certificate_file))


async def request_over_https(
    running_edge: RunningEdge, context: ssl.SSLContext, host: str = HOST
) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session:
        url = f"https://127.0.0.1:{running_edge.port}/"
        request = session.get(url, headers={"host": host}, ssl=context, server_hostname=host)
        async with request as answer:
            return answer.status, await answer.read()


def test_http_and_https_share_the_port(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path, NOW)

    async def check_edge(running_edge: RunningEdge) -> None:
        context = create_tls_context(authority)
        assert await request_over_https(running_edge, context) == (200, b"hello")
        assert (await running_edge.get("/")).body == b"hello"
        assert await request_over_https(running_edge, context) == (200, b"hello")
        schemes = [sent.headers["x-forwarded-proto"] for sent in running_edge.functions.sent]
        assert schemes == ["https", "http", "https"]

    run_scenario(check_edge, authority=authority)


@pytest.mark.parametrize("host", ["shop.localhost", "01jb--shop.localhost", "localhost", "a.b.example.com"])
def test_every_host_has_a_certificate_of_its_own(tmp_path: Path, host: str) -> None:
    """One wildcard certificate is not enough: Node.js refuses `*.localhost`, which has only two labels."""
    authority = LocalAuthority(tmp_path, NOW)

    async def check_edge(running_edge: RunningEdge) -> None:
        running_edge.set_key(host, running_edge.items[HOST])
        assert (await request_over_https(running_edge, create_tls_context(authority), host))[0] == 200

    run_scenario(check_edge, authority=authority)


def test_a_client_that_does_not_trust_the_authority_does_not_affect_other_clients(tmp_path: Path) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await request_over_https(running_edge, ssl.create_default_context())
        assert (await running_edge.get("/")).status == 200

    run_scenario(check_edge, authority=LocalAuthority(tmp_path, NOW))


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x00", b"\x15\x03"])
@pytest.mark.parametrize("tls", [True, False])
def test_a_connection_without_http_or_tls_is_closed(tmp_path: Path, *, sent: bytes, tls: bool) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running_edge.port)
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
        writer.close()
        assert (await running_edge.get("/")).status == 200

    run_scenario(check_edge, authority=LocalAuthority(tmp_path, NOW) if tls else None)


def test_a_silent_connection_does_not_delay_closing(tmp_path: Path) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", running_edge.port)
        assert (await running_edge.get("/")).status == 200
        await running_edge.server.close()
        writer.close()

    run_scenario(check_edge, authority=LocalAuthority(tmp_path, NOW))


def test_a_function_reaches_its_own_site_over_https(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path, NOW)
    caller = make_function_version(
        {
            "index.mjs": """
            import https from "node:https";
            export const handler = ({ queryStringParameters }) => new Promise((resolve, reject) => {
              https.request(queryStringParameters.url, { method: "HEAD" }, (answer) => {
                answer.resume();
                const body = JSON.stringify([answer.statusCode, answer.headers["x-cache"]]);
                resolve({ statusCode: 200, body });
              }).on("error", reject).end();
            });
            """
        }
    )

    async def check_edge(running_edge: RunningEdge) -> None:
        host = "shop.localhost"
        running_edge.set_key(host, running_edge.items[HOST])
        async with run_worker_pool(certificate_authority=authority.certificate_file) as (pool, _):
            url = f"https://{host}:{running_edge.port}/isr"
            answer = await send_request(pool, caller, f"/?url={url}", headers=[])
            assert answer.json() == [200, "Miss from cloudfront"]
        assert running_edge.functions.sent[0].headers["x-forwarded-host"] == f"{host}:{running_edge.port}"

    run_scenario(check_edge, authority=authority)


def test_a_function_reaches_the_domains_of_a_stage_without_a_name_server(tmp_path: Path) -> None:
    """L4: the function uses the URL of a site without a port, and verifies the certificate of the host."""
    authority = LocalAuthority(tmp_path, NOW)
    caller = make_function_version(
        {
            "index.mjs": """
            import https from "node:https";
            const head = (url) => new Promise((resolve, reject) => {
              https.request(url, { method: "HEAD" }, (answer) => {
                answer.resume();
                resolve(answer.statusCode);
              }).on("error", reject).end();
            });
            export const handler = async () => {
              const plain = await fetch("http://shop.example.com/a");
              const secure = await fetch("https://shop.example.com/b");
              const status = await head("https://shop.example.com/c");
              const body = JSON.stringify([status, await plain.text(), await secure.text()]);
              return { statusCode: 200, body };
            };
            """
        }
    )

    async def check_edge(running_edge: RunningEdge) -> None:
        running_edge.set_key("shop.example.com", running_edge.items[HOST])
        names = LocalNames(domains=("example.com",), port=running_edge.port)
        async with run_worker_pool(certificate_authority=authority.certificate_file, local_names=names) as (
            pool,
            _,
        ):
            answer = await send_request(pool, caller, "/", headers=[])
            assert answer.json() == [200, "hello", "hello"]
        hosts = {sent.headers["x-forwarded-host"] for sent in running_edge.functions.sent}
        assert hosts == {"shop.example.com"}

    run_scenario(check_edge, authority=authority)


def test_the_certificate_authority_is_reused_and_only_the_user_can_read_its_key(tmp_path: Path) -> None:
    first = LocalAuthority(tmp_path / "tls", NOW).certificate_file.read_bytes()
    again = LocalAuthority(tmp_path / "tls", NOW + dt.timedelta(days=3000))
    assert again.certificate_file.read_bytes() == first
    again.create_server_context()
    assert stat.S_IMODE((tmp_path / "tls" / "authority.key").stat().st_mode) == 0o600
    assert sorted(file.name for file in (tmp_path / "tls").iterdir()) == ["authority.key", "authority.pem"]


@pytest.mark.parametrize("damage", ["expired", "other key", "no certificate", "nonsense"])
def test_an_unusable_authority_is_replaced(tmp_path: Path, damage: str) -> None:
    first = LocalAuthority(tmp_path, NOW).certificate_file.read_bytes()
    now = NOW
    if damage == "expired":
        now += dt.timedelta(days=3650 - 30)
    elif damage == "other key":
        other = LocalAuthority(tmp_path / "other", NOW)
        (tmp_path / "authority.key").write_bytes((other.directory / "authority.key").read_bytes())
    elif damage == "no certificate":
        (tmp_path / "authority.pem").unlink()
    else:
        (tmp_path / "authority.pem").write_text("nonsense")
    second = LocalAuthority(tmp_path, now).certificate_file.read_bytes()
    assert second != first
    assert x509.load_pem_x509_certificate(second).not_valid_after_utc > now + dt.timedelta(days=3000)
