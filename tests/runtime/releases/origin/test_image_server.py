"""The image function asks the site's server about images to which rules of the site apply (F1, E1)."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from local.edge.aws_hosts import FunctionUrls
from local.edge.certificates import LocalAuthority
from local.edge.server import EdgeServer
from local.emulator.node_function import NodeFunctionVersion
from local.http_messages import Headers
from local.workers.process import LocalNames
from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules
from tests.runtime.releases.origin.node_functions import (
    KEY,
    Answer,
    make_wrapped_version,
    run_worker_pool,
    send_request,
)

HERE: Final = Path(__file__).parent
IMAGES: Final = """
export const handler = async (event) => ({
  statusCode: 200,
  headers: { "content-type": "application/json", "cache-control": "public, max-age=60" },
  body: JSON.stringify(event),
});
"""
IMAGE: Final = make_wrapped_version(
    IMAGES,
    name="shop-image",
    rules=SharedCacheRules(conditional=("^/_next/image$",), vary=("accept",)).to_json().decode(),
)
HURRIED: Final = make_wrapped_version(IMAGES, name="shop-image", number="2", timeout=1)
SERVER: Final = make_wrapped_version((HERE / "image_server.mjs").read_text())
# OpenNext's own router does not know the header with which the image function asks.
OTHER_SERVER: Final = make_wrapped_version((HERE / "streaming.mjs").read_text(), number="2")
SERVERS: Final = {
    "server.lambda-url.ap-southeast-1.on.aws": SERVER,
    "other.lambda-url.ap-southeast-1.on.aws": OTHER_SERVER,
}
SERVER_URL, OTHER_URL = SERVERS


class Release:
    """The functions of a release. Their URLs are served by a local edge, as in the embedded cloud."""

    def __init__(self, runner: asyncio.Runner, folder: Path) -> None:
        self.run = runner.run
        authority = LocalAuthority(folder, dt.datetime.now(dt.UTC))
        self._edge = EdgeServer(edges=(), authority=authority)
        port = runner.run(self._edge.open(0))
        self._workers = run_worker_pool(
            certificate_authority=authority.certificate_file,
            local_names=LocalNames(domains=("on.aws",), port=port),
        )
        self.pool, self.lines = runner.run(self._workers.__aenter__())
        self._edge.function_urls = FunctionUrls(find_function=SERVERS.__getitem__, functions=self.pool)

    def get(  # noqa: PLR0913 - the parts of a request
        self,
        answer: str,
        *,
        server: str = SERVER_URL,
        version: NodeFunctionVersion = IMAGE,
        method: str = "GET",
        headers: Headers | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Request an image, as the edge does it. The server sends the answer with this name."""
        sent = [
            ("x-anchor-origin-key", KEY),
            ("x-anchor-server", server),
            ("x-anchor-cache", "shared"),
            *(headers or []),
        ]
        target = f"/_next/image?url=%2Fa.png&answer={answer}"
        return self.run(send_request(self.pool, version, target, method=method, headers=sent, body=body))

    def close(self) -> None:
        self.run(self._workers.__aexit__(None, None, None))
        self.run(self._edge.close())


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    with asyncio.Runner() as runner:
        opened = Release(runner, tmp_path_factory.mktemp("authority"))
        yield opened
        opened.close()


def test_the_server_gets_the_request_of_the_visitor(release: Release) -> None:
    """F1: the site sees what it would see without the image function."""
    headers = [
        ("x-forwarded-host", "shop.example.com"),
        ("cookie", "member=1; b=2"),
        ("accept", "image/webp"),
        ("accept-encoding", "gzip"),
        ("content-type", "application/octet-stream"),
    ]
    answer = release.get("echo", method="POST", headers=headers, body=b"\0body")
    event = answer.json()
    assert event["requestContext"]["http"]["method"] == "POST"
    assert (event["rawPath"], event["rawQueryString"]) == ("/_next/image", "url=%2Fa.png&answer=echo")
    assert event["cookies"] == ["member=1", "b=2"]
    assert {name: event["headers"].get(name) for name, _ in headers if name != "cookie"} == {
        name: value for name, value in headers if name != "cookie"
    }
    assert (event["body"], event["isBase64Encoded"]) == ("AGJvZHk=", True)
    assert {name for name in event["headers"] if name.startswith("x-anchor-")} == {"x-anchor-image"}


def test_the_image_is_made_if_the_server_continues(release: Release) -> None:
    """F1: with what the rules of the site have set, and with the visitor's own request."""
    event = release.get("next", headers=[("accept", "image/webp")]).json()
    assert json.loads(event["headers"]["x-anchor-begun"]) == {
        "status": 200,
        "headers": {"x-loud": "yes", "set-cookie": ["a=1", "b=2"]},
    }
    assert event["rawQueryString"] == "url=%2Fa.png&answer=next"
    assert event["headers"]["accept"] == ""
    assert "x-anchor-server" not in event["headers"]


def test_a_rule_can_change_the_request_for_an_image(release: Release) -> None:
    """F1: the query of a rewrite, and the accepted types."""
    event = release.get("changed", headers=[("accept", "image/webp")]).json()
    assert (event["rawQueryString"], event["headers"]["accept"]) == ("url=%2Fother.png&w=64", "image/avif")


def test_an_image_to_which_middleware_applies_is_not_shared(release: Release) -> None:
    """E1: the edge must ask for each visitor."""
    answer = release.get("next")
    assert answer.get_header("cache-control") == "private, no-store"
    assert answer.get_header("x-anchor-cache-control") == "public, max-age=60"


def test_a_redirect_of_the_server_reaches_the_visitor(release: Release) -> None:
    """F1: with the marks for the viewer-response function, and every cookie."""
    answer = release.get("redirect")
    assert (answer.status, answer.get_header("location")) == (307, "/login?gr%C3%B6%C3%9Fe=1")
    assert answer.list_header_values("set-cookie") == ["flash=1; Path=/", "b=2"]
    assert (answer.body, answer.get_header("x-anchor-body")) == (b" ", "none")
    assert answer.get_header("cache-control") == "private, no-store"
    assert answer.get_header("x-anchor-cache-control") == "none"


def test_a_refusal_of_the_server_reaches_the_visitor(release: Release) -> None:
    """F1, E1: it is not shared either."""
    answer = release.get("refuse")
    assert (answer.status, answer.body) == (401, b"members only")
    assert answer.get_header("cache-control") == "private, max-age=9"
    assert answer.get_header("x-name") == "größe"


def test_the_body_of_the_server_is_not_changed(release: Release) -> None:
    """F1: whatever its encoding is."""
    answer = release.get("encoded")
    assert (answer.get_header("content-encoding"), answer.body) == ("br", bytes([0, 255, 1, 254]))


@pytest.mark.parametrize(("method", "answer"), [("HEAD", "refuse"), ("HEAD", "next"), ("GET", "unchanged")])
def test_an_answer_without_a_body_ends(release: Release, method: str, answer: str) -> None:
    """F1: a function URL that streams ends only after one byte."""
    received = release.get(answer, method=method)
    assert received.status == {"refuse": 401, "next": 200, "unchanged": 304}[answer]
    assert received.body == b""


def test_a_server_without_the_platforms_router_decides_nothing(release: Release) -> None:
    """F1: a site can use its own version of OpenNext. Its images are made as before."""
    event = release.get("/cookies", server=OTHER_URL).json()
    assert event["rawPath"] == "/_next/image"
    assert "x-anchor-begun" not in event["headers"]


def test_a_site_cannot_send_the_decision_to_a_visitor(release: Release) -> None:
    """F1: only the image function gets it."""
    answer = release.run(send_request(release.pool, SERVER, "/_next/image?answer=next"))
    assert answer.status == 200
    assert answer.get_header("x-anchor-image") is None


def test_without_a_server_the_image_function_answers_alone(release: Release) -> None:
    """F1: no rule of the site applies to its images, or the release comes from an older version."""
    headers = [("x-anchor-origin-key", KEY)]
    answer = release.run(send_request(release.pool, IMAGE, "/_next/image?url=%2Fa", headers=headers))
    assert answer.json()["rawQueryString"] == "url=%2Fa"


def test_an_error_of_the_server_is_no_image(release: Release) -> None:
    """E1: the image could be protected."""
    assert release.get("throws").status == 500


def test_an_aborted_answer_of_the_server_is_aborted(release: Release) -> None:
    """F1: the visitor must not take a part for the whole."""
    with pytest.raises(aiohttp.ClientPayloadError):
        release.get("aborted")


def test_a_slow_server_is_not_waited_for_longer_than_the_function_has_time(release: Release) -> None:
    """F1: the visitor gets an answer."""
    assert release.get("slow", version=HURRIED).status == 504
