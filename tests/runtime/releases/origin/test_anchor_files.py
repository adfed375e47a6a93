"""The files that the server answers, because a rule of the site applies to them (D7, E1)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, frozen

from local.emulator.node_function import NodeFunctionVersion
from local.http_messages import Headers
from local.workers.pool import WorkerPool
from runtime.deploy.releases.build_output.served_files import FILES, ServedFiles
from runtime.deploy.releases.build_output.shared_cache import OTHER_CACHE_KEYS, SharedCacheRules
from tests.runtime.releases.origin.bucket import MODIFIED, REGION, FakeBucket
from tests.runtime.releases.origin.node_functions import (
    KEY,
    KEY_HASH,
    Answer,
    Lines,
    make_wrapped_version,
    run_worker_pool,
    send_request,
)

PREFIX = "/assets/assets/shop/01P"
OBJECTS = {
    f"{PREFIX}/01D/robots.txt": b"User-agent: *\n",
    f"{PREFIX}/01D/images/größe (1)+'2'.txt": b"0123456789",
    f"{PREFIX}/01D/images/ruled.txt": b"ruled",
    f"{PREFIX}/01D/private/a.txt": b"private",
    f"{PREFIX}/01D/empty.txt": b"",
    f"{PREFIX}/_next/static/chunks/old-1f.js": b"old",
}
LIST = ServedFiles(
    public=(
        "robots.txt",
        "images/größe (1)+'2'.txt",
        "images/ruled.txt",
        "private/a.txt",
        "empty.txt",
        "lost.txt",
    ),
    default_locale="de",
)
SPECIAL = "/images/gr%C3%B6%C3%9Fe%20(1)+'2'.txt"
RULES = SharedCacheRules(
    conditional=("^/private/", OTHER_CACHE_KEYS), vary=("accept-encoding",), before_files=("^/",)
)
ENVIRONMENT = {
    "ANCHOR_ORIGIN_KEY_HASH": KEY_HASH,
    "ANCHOR_DEPLOYMENT_ID": "01D",
    "ANCHOR_FILES_PREFIX": "assets/shop/01P",
    "CACHE_BUCKET_NAME": "assets",
    "CACHE_BUCKET_REGION": REGION,
}
PUBLIC = "public, max-age=0"
IMMUTABLE = "public, max-age=31536000, immutable"


@frozen(kw_only=True)
class Origin:
    """A Node.js worker pool with a server function and a bucket."""

    runner: asyncio.Runner
    pool: WorkerPool
    lines: Lines
    bucket: FakeBucket
    version: NodeFunctionVersion
    older: NodeFunctionVersion

    def get(
        self,
        target: str,
        *headers: tuple[str, str],
        method: str = "GET",
        version: NodeFunctionVersion | None = None,
    ) -> Answer:
        sent: Headers = [("x-anchor-origin-key", KEY), ("x-anchor-cache", "shared"), *headers]
        return self.runner.run(
            send_request(self.pool, version or self.version, target, method=method, headers=sent)
        )


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    index = Path(__file__).with_name("routing.mjs").read_text()
    bucket = FakeBucket(OBJECTS)
    with asyncio.Runner() as runner:
        version = make_wrapped_version(
            index,
            environment=ENVIRONMENT,
            rules=RULES.to_json().decode(),
            more_files={FILES: LIST.to_json("").decode()},
            endpoint_url=runner.run(bucket.open()),
        )
        older = evolve(version, version="2", environment={**ENVIRONMENT, "WITHOUT_RESOLVER": "1"})
        context = run_worker_pool()
        pool, lines = runner.run(context.__aenter__())
        yield Origin(runner=runner, pool=pool, lines=lines, bucket=bucket, version=version, older=older)
        runner.run(context.__aexit__(None, None, None))
        runner.run(bucket.close())


def read_cache_controls(answer: Answer) -> tuple[str | None, str | None]:
    return answer.get_header("cache-control"), answer.get_header("x-anchor-cache-control")


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("/robots.txt", b"User-agent: *\n"),
        ("/robots.txt/", b"User-agent: *\n"),
        ("/de/robots.txt", b"User-agent: *\n"),
        (SPECIAL, b"0123456789"),
        ("/rewritten/ruled.txt", b"ruled"),
    ],
)
def test_a_public_file_is_answered_as_next_start_does(origin: Origin, target: str, content: bytes) -> None:
    answer = origin.get(target)
    assert (answer.status, answer.body) == (200, content)
    assert answer.get_header("content-type") == "text/plain; charset=UTF-8"
    assert answer.get_header("last-modified") == MODIFIED
    assert answer.get_header("accept-ranges") == "bytes"
    assert answer.get_header("content-length") == str(len(content))
    assert answer.get_header("x-amz-request-id") is None
    assert answer.get_header("x-anchor-file") is None


def test_cloudfront_keeps_a_file_as_long_as_the_release(origin: Origin) -> None:
    """D7. A file whose answer depends on middleware is not shared."""
    assert read_cache_controls(origin.get("/robots.txt")) == ("s-maxage=31536000", PUBLIC)
    gated = origin.get("/private/a.txt", ("cookie", "user=ok"))
    assert (gated.status, gated.body) == (200, b"private")
    assert read_cache_controls(gated) == ("private, no-store", PUBLIC)
    assert gated.list_header_values("set-cookie") == ["seen=1"]


def test_middleware_protects_a_public_file(origin: Origin) -> None:
    """E1."""
    before = len(origin.bucket.requests)
    refused = origin.get("/private/a.txt")
    assert (refused.status, refused.get_header("location")) == (307, "/login")
    assert len(origin.bucket.requests) == before


def test_headers_of_the_sites_rules_win(origin: Origin) -> None:
    answer = origin.get("/images/ruled.txt")
    assert answer.get_header("x-frame-options") == "DENY"
    assert answer.get_header("content-type") == "image/x-own"
    assert (answer.body, answer.get_header("content-length")) == (b"ruled", "5")
    assert answer.get_header("content-encoding") is None
    assert read_cache_controls(answer) == ("s-maxage=31536000", "public, max-age=60")


def test_ranges_and_conditions_apply_to_files(origin: Origin) -> None:
    etag = origin.get(SPECIAL).get_header("etag") or ""
    part = origin.get(SPECIAL, ("range", "bytes=7-"))
    assert (part.status, part.body) == (206, b"789")
    assert part.get_header("content-range") == "bytes 7-9/10"
    unchanged = origin.get(SPECIAL, ("if-none-match", etag))
    assert (unchanged.status, unchanged.get_header("accept-ranges")) == (304, "bytes")
    failed = origin.get(SPECIAL, ("if-match", '"other"'))
    assert (failed.status, failed.body) == (412, b"Precondition Failed")
    beyond = origin.get(SPECIAL, ("range", "bytes=10-"))
    assert (beyond.status, beyond.body) == (416, b"Range Not Satisfiable")
    assert beyond.get_header("content-range") == "bytes */10"


def test_a_head_request_gets_the_headers_of_the_file(origin: Origin) -> None:
    answer = origin.get(SPECIAL, method="HEAD")
    assert (answer.status, answer.get_header("content-length")) == (200, "10")
    assert origin.bucket.requests[-1][0] == "HEAD"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_not_allowed_for_files(origin: Origin, method: str) -> None:
    answer = origin.get("/robots.txt", method=method)
    assert (answer.status, answer.get_header("allow")) == (405, "GET, HEAD")


def test_an_empty_file_is_an_answer_without_content(origin: Origin) -> None:
    """The byte is the one that every empty answer of a streaming function URL gets."""
    answer = origin.get("/empty.txt")
    assert (answer.status, answer.body, answer.get_header("content-length")) == (200, b" ", None)


def test_hashed_files_of_other_releases_stay_available(origin: Origin) -> None:
    """The distribution has no viewer-response function for hashed files, so there is one Cache-Control."""
    answer = origin.get("/_next/static/chunks/old-1f.js")
    assert (answer.status, answer.body) == (200, b"old")
    assert read_cache_controls(answer) == (IMMUTABLE, None)
    not_shared = origin.get("/_next/static/chunks/old-1f.js", ("x-prerender-revalidate", "1"))
    assert read_cache_controls(not_shared) == ("private, max-age=31536000, immutable", None)
    assert origin.get("/cdn/_next/static/chunks/old-1f.js").body == b"old"


@pytest.mark.parametrize(
    "target",
    ["/_next/static/x.js", "/_next/static/..%2f01D/robots.txt", "/_next/static/%2e%2e/01D/robots.txt"],
)
def test_a_missing_hashed_file_is_not_found(origin: Origin, target: str) -> None:
    answer = origin.get(target)
    assert answer.status == 404
    assert b"Error" not in answer.body
    assert (answer.get_header("cache-control") or "").startswith("private")


def test_a_missing_hashed_file_has_the_answer_of_next_start(origin: Origin) -> None:
    answer = origin.get("/_next/static/x.js")
    assert (answer.body, answer.get_header("content-type")) == (b"Not Found", "text/plain; charset=utf-8")
    assert answer.get_header("cache-control") == "private, no-cache, no-store, max-age=0, must-revalidate"


@pytest.mark.parametrize("target", ["/images", "/images/", "/robots.txt2", "/ROBOTS.txt", "/%ff", "/"])
def test_all_other_paths_are_routes_of_the_site(origin: Origin, target: str) -> None:
    assert origin.get(target).body == b"the site's page"


def test_the_sites_code_cannot_make_the_wrapper_send_an_object(origin: Origin) -> None:
    answer = origin.get("/forged")
    assert (answer.status, answer.body, answer.get_header("x-anchor-file")) == (200, b"page", None)


def test_a_bucket_that_fails_causes_status_500_and_a_log_line(origin: Origin) -> None:
    origin.bucket.fails = True
    answer = origin.get("/robots.txt")
    origin.bucket.fails = False
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    assert answer.get_header("cache-control") == "no-store"
    origin.runner.run(origin.lines.wait_for("S3 answered 503 for the file robots.txt"))


def test_with_an_older_opennext_the_wrapper_answers_files_itself(origin: Origin) -> None:
    """Older versions of OpenNext have no asset resolvers. No rule of the site applies to files then."""
    answer = origin.get("/robots.txt", version=origin.older)
    assert (answer.status, answer.body) == (200, b"User-agent: *\n")
    assert origin.get("/", version=origin.older).body == b"the site's page"
    assert origin.get("/robots.txt", method="POST", version=origin.older).body == b"the site's page"
