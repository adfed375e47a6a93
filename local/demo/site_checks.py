"""Checks of the example site, one per feature of Next.js.

Each check gets a visitor of the site and the commit that should be live, and returns a short description of
the result. `make demo` shows the descriptions, and the end-to-end tests use the checks as assertions.
"""

import io
import re
import time
from collections.abc import Callable, Iterator

import requests
from attrs import frozen
from PIL import Image

from local.demo.visitor import Visitor

BACKGROUND_TIMEOUT_SECONDS = 10.0  # maximum time for work that continues after the response


class CheckError(Exception):
    """The site did not answer as expected. The message gives the expected and the actual result."""


@frozen(kw_only=True)
class SiteCheck:
    """A check of one feature of the site."""

    title: str
    run: Callable[[Visitor, str], str]


def require_condition(condition: object, problem: str) -> None:
    """Raise `CheckError` with `problem` unless the condition holds."""
    if not condition:
        raise CheckError(problem)


def read_commit(page: str) -> str:
    """Return the commit that a page shows, or `none` if the page shows no commit."""
    found = re.search(r'data-testid="commit">([0-9a-f]+)<', page)
    return found[1] if found else "none"


def read_action_form(page: str, **fields: str) -> dict[str, str]:
    """Return the fields of a form with a server action: the hidden fields of the page, and `fields`."""
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', page))
    require_condition(hidden, "the form has no hidden field that names its action")
    return {name: value.replace("&quot;", '"') for name, value in {**hidden, **fields}.items()}


def read_text(page: str, testid: str) -> str:
    """Return the text of the element with this `data-testid`."""
    found = re.search(rf'data-testid="{testid}"[^>]*>([^<]*)', page)
    if not found:
        raise CheckError(f"the page shows no {testid!r}")
    return found[1]


def get_page(visitor: Visitor, path: str, *, status: int = 200) -> requests.Response:
    """Send a GET request and check the status of the response."""
    response = visitor.get(path)
    require_condition(
        response.status_code == status,
        f"GET {path} answered {response.status_code}, not {status}: {response.text[:300]}",
    )
    return response


def check_server_rendering(visitor: Visitor, sha: str) -> str:
    """Check that the start page is rendered for each request, by the release of the commit."""
    first, second = (get_page(visitor, "/").text for _ in range(2))
    require_condition(read_commit(first) == sha, f"the page shows commit {read_commit(first)}, not {sha}")
    require_condition(
        read_text(first, "rendered-at") != read_text(second, "rendered-at"),
        "two requests got the same rendering",
    )
    return f"commit {sha[:12]}"


def check_api_get(visitor: Visitor, sha: str) -> str:
    """Check that an API route receives the method, the query and the public host."""
    answer = get_page(visitor, "/api/echo?a=1&a=2&b=%C3%BC").json()
    require_condition(answer["method"] == "GET", f"the method arrived as {answer['method']}")
    require_condition(
        answer["query"] == [["a", "1"], ["a", "2"], ["b", "ü"]], f"the query arrived as {answer['query']}"
    )
    require_condition(
        answer["headers"]["x-forwarded-host"] == visitor.host, f"the host arrived as {answer['headers']}"
    )
    return f"x-forwarded-host {visitor.host}"


def check_api_post(visitor: Visitor, sha: str) -> str:
    """Check that an API route receives the exact body of a POST."""
    body = '{"greeting":"grüß dich"}' + " " * 100_000
    response = visitor.post("/api/echo", {"Content-Type": "application/json"}, data=body.encode())
    require_condition(
        response.status_code == 200, f"POST /api/echo answered {response.status_code}: {response.text[:300]}"
    )
    require_condition(
        response.content == body.encode(), f"{len(response.content)} bytes came back, of {len(body.encode())}"
    )
    return f"{len(response.content):,} bytes received and returned"


def check_server_action(visitor: Visitor, sha: str) -> str:
    """Check a server action that a form posts without JavaScript."""
    form = read_action_form(get_page(visitor, "/action").text, name="Ada")
    response = visitor.post("/action", {"Origin": visitor.url}, form=form)
    require_condition(
        response.status_code == 303,
        f"the form's POST answered {response.status_code}, not 303: {response.text[:300]}",
    )
    location = response.headers["location"]
    require_condition("Hello" in location and sha in location, f"the action redirected to {location}")
    require_condition(
        "visitor=Ada" in response.headers.get("set-cookie", ""), "the action's cookie did not arrive"
    )
    return "303 with its cookie"


def check_revalidation_by_tag(visitor: Visitor, sha: str) -> str:
    """Check that a cached page is a HIT and changes after its tag is revalidated."""
    before = wait_for_cache_hit(visitor, "/isr/tag")
    revalidated = visitor.post("/api/revalidate?tag=news")
    require_condition(
        revalidated.status_code == 200,
        f"revalidating answered {revalidated.status_code}: {revalidated.text[:300]}",
    )
    value = read_text(before.text, "value")
    new = next((v for v in poll_values(visitor, "/isr/tag", "value") if v != value), None)
    require_condition(new, "the page still shows the old value after revalidateTag")
    again = wait_for_cache_hit(visitor, "/isr/tag")
    # The server sometimes renders the page once more, because S3 timestamps have a resolution of one second.
    # The value can then be newer than `new`. Therefore only check that the value is not the old one.
    require_condition(read_text(again.text, "value") != value, "the old value came back")
    return "HIT, changed, HIT again"


def check_revalidation_by_time(visitor: Visitor, sha: str) -> str:
    """Check that a page with `revalidate = 2` is cached and rendered again after a stale answer."""
    before = read_text(wait_for_cache_hit(visitor, "/isr/time").text, "rendered-at")
    new = next((v for v in poll_values(visitor, "/isr/time", "rendered-at") if v != before), None)
    require_condition(new, f"the page was not rendered again within {BACKGROUND_TIMEOUT_SECONDS:.0f} s")
    return "rendered again after a stale answer"


def check_dynamic_route(visitor: Visitor, sha: str) -> str:
    """Check that prerendered and on-demand slugs return their page, and that unknown slugs return 404."""
    require_condition(
        read_text(get_page(visitor, "/posts/first").text, "title") == "The first post",
        "the prerendered post is wrong",
    )
    require_condition(
        read_text(get_page(visitor, "/posts/third").text, "title") == "The third post",
        "the on-demand post is wrong",
    )
    get_page(visitor, "/posts/nothing", status=404)
    return "prerendered, on demand, 404"


def check_optimized_image(visitor: Visitor, sha: str) -> str:
    """Check that `/_next/image` returns the requested width in a modern format."""
    response = visitor.get(
        "/_next/image?url=%2Fphoto.jpg&w=640&q=75", {"Accept": "image/avif,image/webp,*/*"}
    )
    require_condition(
        response.status_code == 200, f"the image answered {response.status_code}: {response.text[:300]}"
    )
    kind = response.headers["content-type"]
    require_condition(kind in ("image/webp", "image/avif"), f"the image came as {kind}")
    width = Image.open(io.BytesIO(response.content)).width
    require_condition(width == 640, f"the image is {width} pixels wide, not 640")
    return f"{kind}, 640 px, {len(response.content):,} bytes"


def check_public_files(visitor: Visitor, sha: str) -> str:
    """Check that files of `public/` are served unchanged with their content type."""
    robots = get_page(visitor, "/robots.txt")
    require_condition(
        robots.headers["content-type"].startswith("text/plain"),
        f"robots.txt came as {robots.headers['content-type']}",
    )
    sample = get_page(visitor, "/data/sample.json")
    require_condition(sample.json(), "data/sample.json is empty")
    return "robots.txt, data/sample.json"


def check_hashed_assets(visitor: Visitor, sha: str) -> str:
    """Check that all scripts and styles of the page exist and are immutable for browsers."""
    assets = sorted(set(re.findall(r'"(/_next/static/[^"\\]+\.(?:js|css))"', get_page(visitor, "/").text)))
    require_condition(
        any(a.endswith(".js") for a in assets) and any(a.endswith(".css") for a in assets),
        f"the page loads {assets}",
    )
    for asset in assets:
        caching = get_page(visitor, asset).headers.get("cache-control", "none")
        require_condition(
            "immutable" in caching and "max-age=31536000" in caching, f"{asset} has Cache-Control {caching}"
        )
    return f"{len(assets)} files, immutable for a year"


def check_middleware(visitor: Visitor, sha: str) -> str:
    """Check the middleware's header, redirect and rewrite."""
    header = get_page(visitor, "/").headers.get("x-middleware")
    require_condition(header == "next-site", f"the x-middleware header is {header!r}")
    redirect = visitor.get("/old-home")
    require_condition(redirect.status_code == 307, f"/old-home answered {redirect.status_code}, not 307")
    require_condition(
        read_text(get_page(visitor, "/rewritten").text, "title") == "The first post",
        "/rewritten shows another page",
    )
    return "header, redirect, rewrite"


def check_routing_rules(visitor: Visitor, sha: str) -> str:
    """Check redirects, rewrites and headers of `next.config.ts`."""
    redirect = visitor.get("/legacy/first?a=1")
    went = (redirect.status_code, redirect.headers.get("location", "nowhere").removeprefix(visitor.url))
    require_condition(went == (308, "/posts/first?a=1"), f"/legacy/first answered {went}")
    rewritten = get_page(visitor, "/articles/second")
    require_condition(
        read_text(rewritten.text, "title") == "The second post", "/articles/second shows another page"
    )
    section = get_page(visitor, "/posts/first").headers.get("x-section")
    require_condition(section == "posts", f"the x-section header is {section!r}")
    return "308, rewrite, header"


def check_catch_all_route(visitor: Visitor, sha: str) -> str:
    """Check that an optional catch-all route gets every path below it, decoded."""
    for path, shown in (("/files", "top"), ("/files/a", "a"), ("/files/a/b%20c/d.txt", "a > b c > d.txt")):
        got = read_text(get_page(visitor, path).text, "path").replace("&gt;", ">")
        require_condition(got == shown, f"{path} shows {got!r}, not {shown!r}")
    return "0, 1 and 3 parts"


def check_draft_mode(visitor: Visitor, sha: str) -> str:
    """Check that a prerendered page is shown as a draft only to the visitor with draft mode's cookie."""
    before = read_text(wait_for_cache_hit(visitor, "/draft").text, "rendered-at")
    enabled = visitor.post("/api/draft?enable=1")
    (cookie,) = re.findall(r"(__prerender_bypass=[^;]+)", enabled.headers.get("set-cookie", "")) or [""]
    require_condition(cookie, f"draft mode set no cookie: {enabled.status_code} {enabled.text[:300]}")
    # The session would send the cookie in the following checks too. Therefore remove it from the session and
    # set it explicitly in the next requests.
    visitor.session.cookies.clear()
    drafts = [visitor.get("/draft", {"Cookie": cookie}).text for _ in range(2)]
    require_condition(
        [read_text(draft, "draft") for draft in drafts] == ["on", "on"], "the cookie has no effect"
    )
    require_condition(
        len({read_text(draft, "rendered-at") for draft in drafts}) > 1, "both drafts are the same rendering"
    )
    after = get_page(visitor, "/draft").text
    require_condition(read_text(after, "draft") == "off", "a visitor without the cookie got a draft")
    require_condition(read_text(after, "rendered-at") == before, "the draft replaced the cached page")
    forged = visitor.get("/draft", {"Cookie": "__prerender_bypass=0123456789abcdef"}).text
    require_condition(read_text(forged, "draft") == "off", "a forged cookie enables draft mode")
    return "on for one visitor, off for the others"


def check_large_bodies(visitor: Visitor, sha: str) -> str:
    """Check a request body near Lambda's limit (6 MB with base64), and a response body above that limit."""
    sent = visitor.post("/api/large", {"Content-Type": "application/octet-stream"}, data=b"\xff" * 4_000_000)
    require_condition(
        sent.status_code == 200, f"a POST of 4 MB returned {sent.status_code}: {sent.text[:300]}"
    )
    require_condition(
        sent.json() == {"bytes": 4_000_000}, f"the site received {sent.text[:100]} of 4,000,000 bytes"
    )
    got = get_page(visitor, "/api/large?megabytes=8").content
    require_condition(got == b"a" * 8_000_000, f"the site sent {len(got):,} of 8,000,000 bytes")
    return "4 MB sent, 8 MB received"


def check_streaming(visitor: Visitor, sha: str) -> str:
    """Check that the first part of a streamed page arrives more than a second before the last part."""
    chunks = list(visitor.stream("/stream"))
    body = b"".join(chunk.data for chunk in chunks)
    require_condition(b'data-testid="slow"' in body, "the slow part is missing")
    shell = next(chunk.seconds for chunk in chunks if b'data-testid="shell"' in chunk.data)
    lead = chunks[-1].seconds - shell
    require_condition(
        lead > 1.0, f"the shell came only {lead:.2f} s before the end; the slow part takes 1.5 s"
    )
    return f"shell {lead:.1f} s before the end"


def check_not_found(visitor: Visitor, sha: str) -> str:
    """Check that an unknown path gets the site's own 404 page."""
    page = get_page(visitor, "/no/such/page", status=404).text
    require_condition(
        read_text(page, "not-found") == "Not found" and read_commit(page) == sha,
        "the 404 page is not this release's",
    )
    return "404, the site's own page"


def wait_for_cache_hit(visitor: Visitor, path: str) -> requests.Response:
    """Request a page until its response is a HIT of the incremental cache, and return this response."""
    states: set[str | None] = set()
    for response in _poll_page(visitor, path):
        state = response.headers.get("x-nextjs-cache")
        if state == "HIT":
            return response
        states.add(state)
    raise CheckError(f"GET {path} was not a HIT within {BACKGROUND_TIMEOUT_SECONDS:.0f} s, only {states}")


def poll_values(visitor: Visitor, path: str, testid: str) -> Iterator[str]:
    """Request a page repeatedly and yield the text of an element, until the timeout."""
    return (read_text(response.text, testid) for response in _poll_page(visitor, path))


def _poll_page(visitor: Visitor, path: str) -> Iterator[requests.Response]:
    deadline = time.monotonic() + BACKGROUND_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        yield get_page(visitor, path)
        time.sleep(0.2)


SITE_CHECKS = (
    SiteCheck(title="server-rendered page shows the commit", run=check_server_rendering),
    SiteCheck(title="API route, GET", run=check_api_get),
    SiteCheck(title="API route, POST", run=check_api_post),
    SiteCheck(title="server action by form POST", run=check_server_action),
    SiteCheck(title="ISR by tag", run=check_revalidation_by_tag),
    SiteCheck(title="ISR by time", run=check_revalidation_by_time),
    SiteCheck(title="dynamic route", run=check_dynamic_route),
    SiteCheck(title="optimized image", run=check_optimized_image),
    SiteCheck(title="public files", run=check_public_files),
    SiteCheck(title="hashed assets", run=check_hashed_assets),
    SiteCheck(title="middleware", run=check_middleware),
    SiteCheck(title="redirects, rewrites and headers", run=check_routing_rules),
    SiteCheck(title="catch-all route", run=check_catch_all_route),
    SiteCheck(title="draft mode", run=check_draft_mode),
    SiteCheck(title="large bodies", run=check_large_bodies),
    SiteCheck(title="streamed page", run=check_streaming),
    SiteCheck(title="404 page", run=check_not_found),
)
