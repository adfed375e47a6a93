"""What a visitor of the example site sees when its release is right, one check per thing sites use.

Each check is given a visitor of the site and the commit that should be live, and returns a few words on
what it saw. They are the proof lines of `make demo` and the assertions of the end-to-end tests.
"""

import io
import re
import time
from collections.abc import Callable, Iterator

import requests
from attrs import frozen
from PIL import Image

from local.demo.visitor import Visitor

SOON = 10.0  # seconds within which something that happens behind the response must have happened


class CheckFailed(Exception):  # noqa: N818 - reads as what happened
    """The site did not answer as it should; says what was expected and what came."""


@frozen(kw_only=True)
class SiteCheck:
    """One thing a visitor can see."""

    title: str
    run: Callable[[Visitor, str], str]


def expect(condition: object, problem: str) -> None:
    """Fail the check with `problem` unless the condition holds."""
    if not condition:
        raise CheckFailed(problem)


def commit_shown(page: str) -> str:
    """The commit a page says it was built from."""
    found = re.search(r'data-testid="commit">([0-9a-f]+)<', page)
    return found[1] if found else "none"


def action_form(page: str, **fields: str) -> dict[str, str]:
    """The fields of a form with a server action: the hidden ones that name it, and what a person types."""
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', page))
    expect(hidden, "the form has no hidden field naming its action")
    return {name: value.replace("&quot;", '"') for name, value in {**hidden, **fields}.items()}


def text_of(page: str, testid: str) -> str:
    """The text of the element with this `data-testid`."""
    found = re.search(rf'data-testid="{testid}"[^>]*>([^<]*)', page)
    if not found:
        raise CheckFailed(f"the page shows no {testid!r}")
    return found[1]


def page_of(visitor: Visitor, path: str, *, status: int = 200) -> requests.Response:
    """GET `path`, which shall answer with `status`."""
    response = visitor.get(path)
    expect(
        response.status_code == status,
        f"GET {path} answered {response.status_code}, not {status}: {response.text[:300]}",
    )
    return response


def server_rendered(visitor: Visitor, sha: str) -> str:
    """The start page is rendered for each request, by the release of the commit."""
    first, second = (page_of(visitor, "/").text for _ in range(2))
    expect(commit_shown(first) == sha, f"the page shows commit {commit_shown(first)}, not {sha}")
    expect(
        text_of(first, "rendered-at") != text_of(second, "rendered-at"), "two requests got the same rendering"
    )
    return f"commit {sha[:12]}"


def api_get(visitor: Visitor, sha: str) -> str:
    """An API route sees method, query and the public host."""
    answer = page_of(visitor, "/api/echo?a=1&a=2&b=%C3%BC").json()
    expect(answer["query"] == [["a", "1"], ["a", "2"], ["b", "ü"]], f"the query arrived as {answer['query']}")
    expect(answer["headers"]["x-forwarded-host"] == visitor.host, f"the host arrived as {answer['headers']}")
    return f"x-forwarded-host {visitor.host}"


def api_post(visitor: Visitor, sha: str) -> str:
    """An API route gets the body of a POST, to the byte."""
    body = '{"greeting":"grüß dich"}' + " " * 100_000
    response = visitor.post("/api/echo", {"Content-Type": "application/json"}, data=body.encode())
    expect(
        response.status_code == 200, f"POST /api/echo answered {response.status_code}: {response.text[:300]}"
    )
    expect(
        response.content == body.encode(), f"{len(response.content)} bytes came back, of {len(body.encode())}"
    )
    return f"{len(response.content):,} bytes there and back"


def server_action(visitor: Visitor, sha: str) -> str:
    """A form with a server action, posted as a browser without JavaScript does."""
    form = action_form(page_of(visitor, "/action").text, name="Ada")
    response = visitor.post("/action", {"Origin": visitor.url}, form=form)
    expect(
        response.status_code == 303,
        f"the form's POST answered {response.status_code}, not 303: {response.text[:300]}",
    )
    location = response.headers["location"]
    expect("Hello" in location and sha in location, f"the action redirected to {location}")
    expect("visitor=Ada" in response.headers.get("set-cookie", ""), "the action's cookie did not arrive")
    return "303 with its cookie"


def revalidated_by_tag(visitor: Visitor, sha: str) -> str:
    """A cached page is a HIT, and another after its tag was revalidated."""
    before = cached_page(visitor, "/isr/tag")
    revalidated = visitor.post("/api/revalidate?tag=news")
    expect(
        revalidated.status_code == 200,
        f"revalidating answered {revalidated.status_code}: {revalidated.text[:300]}",
    )
    value = text_of(before.text, "value")
    new = next((v for v in values_of(visitor, "/isr/tag", "value") if v != value), None)
    expect(new, "the page still shows the old value after revalidateTag")
    again = cached_page(visitor, "/isr/tag")
    # Within S3's one second of time resolution the page may be rendered once more: not compared with `new`.
    expect(text_of(again.text, "value") != value, "the old value came back")
    return "HIT, changed, HIT again"


def revalidated_by_time(visitor: Visitor, sha: str) -> str:
    """A page with `revalidate = 2` is served from the cache and rendered anew behind a stale answer."""
    before = text_of(cached_page(visitor, "/isr/time").text, "rendered-at")
    new = next((v for v in values_of(visitor, "/isr/time", "rendered-at") if v != before), None)
    expect(new, f"the page was not rendered anew within {SOON:.0f} s")
    return "rendered anew behind a stale answer"


def dynamic_route(visitor: Visitor, sha: str) -> str:
    """Prerendered and on-demand slugs answer, unknown ones do not."""
    expect(
        text_of(page_of(visitor, "/posts/first").text, "title") == "The first post",
        "the prerendered post is another",
    )
    expect(
        text_of(page_of(visitor, "/posts/third").text, "title") == "The third post",
        "the on-demand post is another",
    )
    page_of(visitor, "/posts/nothing", status=404)
    return "prerendered, on demand, 404"


def optimized_image(visitor: Visitor, sha: str) -> str:
    """`/_next/image` answers in the asked width and a modern type."""
    response = visitor.get(
        "/_next/image?url=%2Fphoto.jpg&w=640&q=75", {"Accept": "image/avif,image/webp,*/*"}
    )
    expect(response.status_code == 200, f"the image answered {response.status_code}: {response.text[:300]}")
    kind = response.headers["content-type"]
    expect(kind in ("image/webp", "image/avif"), f"the image came as {kind}")
    width = Image.open(io.BytesIO(response.content)).width
    expect(width == 640, f"the image is {width} pixels wide, not 640")
    return f"{kind}, 640 px, {len(response.content):,} bytes"


def public_file(visitor: Visitor, sha: str) -> str:
    """Files of `public/` are served as they are, with their type."""
    robots = page_of(visitor, "/robots.txt")
    expect(
        robots.headers["content-type"].startswith("text/plain"),
        f"robots.txt came as {robots.headers['content-type']}",
    )
    sample = page_of(visitor, "/data/sample.json")
    expect(sample.json(), "data/sample.json is empty")
    return "robots.txt, data/sample.json"


def hashed_asset(visitor: Visitor, sha: str) -> str:
    """Every script and style of the page is there and may be kept forever."""
    assets = sorted(set(re.findall(r'"(/_next/static/[^"\\]+\.(?:js|css))"', page_of(visitor, "/").text)))
    expect(
        any(a.endswith(".js") for a in assets) and any(a.endswith(".css") for a in assets),
        f"the page loads {assets}",
    )
    for asset in assets:
        caching = page_of(visitor, asset).headers.get("cache-control", "none")
        expect(
            "immutable" in caching and "max-age=31536000" in caching, f"{asset} has Cache-Control {caching}"
        )
    return f"{len(assets)} files, immutable for a year"


def middleware(visitor: Visitor, sha: str) -> str:
    """The middleware's header, redirect and rewrite."""
    header = page_of(visitor, "/").headers.get("x-middleware")
    expect(header == "next-site", f"the x-middleware header is {header!r}")
    redirect = visitor.get("/old-home")
    expect(redirect.status_code == 307, f"/old-home answered {redirect.status_code}, not 307")
    expect(
        text_of(page_of(visitor, "/rewritten").text, "title") == "The first post",
        "/rewritten shows another page",
    )
    return "header, redirect, rewrite"


def routed(visitor: Visitor, sha: str) -> str:
    """Redirects, rewrites and headers of `next.config.ts`."""
    redirect = visitor.get("/legacy/first?a=1")
    went = (redirect.status_code, redirect.headers.get("location", "nowhere").removeprefix(visitor.url))
    expect(went == (308, "/posts/first?a=1"), f"/legacy/first answered {went}")
    rewritten = page_of(visitor, "/articles/second")
    expect(text_of(rewritten.text, "title") == "The second post", "/articles/second shows another page")
    section = page_of(visitor, "/posts/first").headers.get("x-section")
    expect(section == "posts", f"the x-section header is {section!r}")
    return "308, rewrite, header"


def caught_all(visitor: Visitor, sha: str) -> str:
    """An optional catch-all route gets every path below it, decoded."""
    for path, shown in (("/files", "top"), ("/files/a", "a"), ("/files/a/b%20c/d.txt", "a > b c > d.txt")):
        got = text_of(page_of(visitor, path).text, "path").replace("&gt;", ">")
        expect(got == shown, f"{path} shows {got!r}, not {shown!r}")
    return "0, 1 and 3 parts"


def draft_mode(visitor: Visitor, sha: str) -> str:
    """A prerendered page is rendered for who has draft mode's cookie, and for nobody else."""
    before = text_of(cached_page(visitor, "/draft").text, "rendered-at")
    enabled = visitor.post("/api/draft?enable=1")
    (cookie,) = re.findall(r"(__prerender_bypass=[^;]+)", enabled.headers.get("set-cookie", "")) or [""]
    expect(cookie, f"draft mode set no cookie: {enabled.status_code} {enabled.text[:300]}")
    # Only a cookie that is sent by hand: the session would keep it for the checks after this one.
    visitor.session.cookies.clear()
    drafts = [visitor.get("/draft", {"Cookie": cookie}).text for _ in range(2)]
    expect([text_of(draft, "draft") for draft in drafts] == ["on", "on"], "the cookie changes nothing")
    expect(len({text_of(draft, "rendered-at") for draft in drafts}) > 1, "two drafts are one rendering")
    after = page_of(visitor, "/draft").text
    expect(text_of(after, "draft") == "off", "a visitor without the cookie got a draft")
    expect(text_of(after, "rendered-at") == before, "the draft replaced the cached page")
    forged = visitor.get("/draft", {"Cookie": "__prerender_bypass=0123456789abcdef"}).text
    expect(text_of(forged, "draft") == "off", "any cookie switches draft mode on")
    return "on for one visitor, off for the others"


def large_bodies(visitor: Visitor, sha: str) -> str:
    """Bodies as large as Lambda lets them be: 6 MB in a request, base64 included, and more in an answer."""
    sent = visitor.post("/api/large", {"Content-Type": "application/octet-stream"}, data=b"\xff" * 4_000_000)
    expect(sent.status_code == 200, f"4 MB were answered {sent.status_code}: {sent.text[:300]}")
    expect(sent.json() == {"bytes": 4_000_000}, f"of 4,000,000 bytes arrived {sent.text[:100]}")
    got = page_of(visitor, "/api/large?megabytes=8").content
    expect(got == b"a" * 8_000_000, f"of 8,000,000 bytes came {len(got):,}")
    return "4 MB there, 8 MB back"


def streamed_page(visitor: Visitor, sha: str) -> str:
    """The first chunk of a streamed page arrives before its last one is produced."""
    chunks = list(visitor.stream("/stream"))
    body = b"".join(chunk.data for chunk in chunks)
    expect(b'data-testid="slow"' in body, "the slow part never came")
    shell = next(chunk.at for chunk in chunks if b'data-testid="shell"' in chunk.data)
    lead = chunks[-1].at - shell
    expect(lead > 1.0, f"the shell came only {lead:.2f} s before the end; the slow part takes 1.5 s")
    return f"shell {lead:.1f} s before the end"


def not_found(visitor: Visitor, sha: str) -> str:
    """An unknown path gets the site's own 404 page."""
    page = page_of(visitor, "/no/such/page", status=404).text
    expect(
        text_of(page, "not-found") == "Not found" and commit_shown(page) == sha,
        "the 404 page is not this release's",
    )
    return "404, the site's own page"


def cached_page(visitor: Visitor, path: str) -> requests.Response:
    """The page's answer from the incremental cache, which it must become soon."""
    states: set[str | None] = set()
    for response in _until_soon(visitor, path):
        state = response.headers.get("x-nextjs-cache")
        if state == "HIT":
            return response
        states.add(state)
    raise CheckFailed(f"GET {path} never was a HIT within {SOON:.0f} s, only {states}")


def values_of(visitor: Visitor, path: str, testid: str) -> Iterator[str]:
    """What the page shows there, again and again, for as long as something may take."""
    return (text_of(response.text, testid) for response in _until_soon(visitor, path))


def _until_soon(visitor: Visitor, path: str) -> Iterator[requests.Response]:
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        yield page_of(visitor, path)
        time.sleep(0.2)


SITE_CHECKS = (
    SiteCheck(title="server-rendered page shows the commit", run=server_rendered),
    SiteCheck(title="API route, GET", run=api_get),
    SiteCheck(title="API route, POST", run=api_post),
    SiteCheck(title="server action by form POST", run=server_action),
    SiteCheck(title="ISR by tag", run=revalidated_by_tag),
    SiteCheck(title="ISR by time", run=revalidated_by_time),
    SiteCheck(title="dynamic route", run=dynamic_route),
    SiteCheck(title="optimized image", run=optimized_image),
    SiteCheck(title="public files", run=public_file),
    SiteCheck(title="hashed assets", run=hashed_asset),
    SiteCheck(title="middleware", run=middleware),
    SiteCheck(title="redirects, rewrites and headers", run=routed),
    SiteCheck(title="catch-all route", run=caught_all),
    SiteCheck(title="draft mode", run=draft_mode),
    SiteCheck(title="large bodies", run=large_bodies),
    SiteCheck(title="streamed page", run=streamed_page),
    SiteCheck(title="404 page", run=not_found),
)
