"""What a visitor of `examples/next-15-site` sees: Next.js 15 below a path, its server split in two.

Like `local/demo/site_checks.py`, for what the path, the version, the Pages Router or the split could change.
"""

import io
import re

from PIL import Image

from local.demo.site_checks import (
    SiteCheck,
    action_form,
    cached_page,
    commit_shown,
    expect,
    page_of,
    text_of,
    values_of,
)
from local.demo.visitor import Visitor

BASE = "/docs"


def below_the_path(visitor: Visitor, sha: str) -> str:
    """The site is below its path, rendered for each request, and nothing of it is beside."""
    first, second = (page_of(visitor, BASE).text for _ in range(2))
    expect(commit_shown(first) == sha, f"the page shows commit {commit_shown(first)}, not {sha}")
    expect(
        text_of(first, "rendered-at") != text_of(second, "rendered-at"), "two requests got the same rendering"
    )
    for path in ("/", "/articles/first", "/robots.txt", "/_next/image?url=%2Fdocs%2Fphoto.jpg&w=640&q=75"):
        page_of(visitor, path, status=404)
    return f"commit {sha[:12]}; 404 beside it"


def files_below_the_path(visitor: Visitor, sha: str) -> str:
    """Public files and every script of the page, with what browsers may keep of them."""
    expect(page_of(visitor, f"{BASE}/robots.txt").text.startswith("User-agent"), "robots.txt is another")
    expect(page_of(visitor, f"{BASE}/data/sample.json").json() == {"sample": True}, "sample.json is another")
    scripts = sorted(set(re.findall(r'"(/docs/_next/static/[^"\\\\]+\.js)"', page_of(visitor, BASE).text)))
    expect(scripts, "the page loads no script below its path")
    for script in scripts:
        caching = page_of(visitor, script).headers.get("cache-control", "none")
        expect("immutable" in caching, f"{script} has Cache-Control {caching}")
    return f"{len(scripts)} scripts, 2 public files"


def image_below_the_path(visitor: Visitor, sha: str) -> str:
    """An optimized image in the asked width, in a type of each browser's own."""
    path = f"{BASE}/_next/image?url=%2Fdocs%2Fphoto.jpg&w=640&q=75"
    kinds: list[str] = []
    for accepted in ("image/avif,image/webp,*/*", "image/png,*/*"):
        response = visitor.get(path, {"Accept": accepted})
        expect(response.status_code == 200, f"the image answered {response.status_code}")
        width = Image.open(io.BytesIO(response.content)).width
        expect(width == 640, f"the image is {width} pixels wide, not 640")
        kinds.append(response.headers["content-type"])
    expect(kinds[0] in ("image/webp", "image/avif") and kinds[1] == "image/jpeg", f"the types are {kinds}")
    return " and ".join(kinds)


def routed_below_the_path(visitor: Visitor, sha: str) -> str:
    """Redirects, rewrites and headers of `next.config.ts`, and those of the middleware."""
    for path, status, target in (
        (f"{BASE}/old", 308, f"{BASE}/articles/first"),
        (f"{BASE}/welcome", 307, f"{BASE}/en/welcome"),
    ):
        answer = visitor.get(path)
        went = (answer.status_code, answer.headers.get("location", "nowhere").removeprefix(visitor.url))
        expect(went == (status, target), f"{path} answered {went}")
    for path in (f"{BASE}/latest", f"{BASE}/newest"):
        page = page_of(visitor, path)
        expect(text_of(page.text, "title") == "The second article", f"{path} shows another page")
        expect(page.headers.get("x-middleware") == "next-15-site", f"{path} has no header of the middleware")
    section = page_of(visitor, f"{BASE}/articles/first").headers.get("x-section")
    expect(section == "articles", f"the x-section header is {section!r}")
    return "2 redirects, 2 rewrites, 2 headers"


def locales(visitor: Visitor, sha: str) -> str:
    """The middleware leads each visitor to the page of the language that the browser asks for."""
    german = visitor.get(f"{BASE}/welcome", {"Accept-Language": "de-DE,de;q=0.9"})
    target = german.headers.get("location", "nowhere").removeprefix(visitor.url)
    expect(target == f"{BASE}/de/welcome", f"a German browser is led to {target}")
    for locale, greeting in (("en", "Welcome"), ("de", "Willkommen")):
        shown = text_of(cached_page(visitor, f"{BASE}/{locale}/welcome").text, "greeting")
        expect(shown == greeting, f"the page in {locale} says {shown!r}")
    page_of(visitor, f"{BASE}/fr/welcome", status=404)
    return "en, de, 404"


def catch_all_pages(visitor: Visitor, sha: str) -> str:
    """Catch-all routes of both routers: prerendered, on demand, 404."""
    expect(text_of(page_of(visitor, f"{BASE}/articles/first").text, "path") == "first", "another article")
    deep = page_of(visitor, f"{BASE}/articles/second/a/b").text
    expect(text_of(deep, "path").replace("&gt;", ">") == "second > a > b", "another article")
    page_of(visitor, f"{BASE}/articles/none", status=404)
    for path, shown in (("", "top"), ("/a/b%20c", "a > b c")):
        got = text_of(page_of(visitor, f"{BASE}/files{path}").text, "path").replace("&gt;", ">")
        expect(got == shown, f"/files{path} shows {got!r}, not {shown!r}")
    return "Pages Router and App Router"


def revalidated_by_time(visitor: Visitor, sha: str) -> str:
    """A page of the Pages Router with `revalidate: 2` is rendered anew behind a stale answer."""
    path = f"{BASE}/articles/first"
    before = text_of(cached_page(visitor, path).text, "rendered-at")
    new = next((value for value in values_of(visitor, path, "rendered-at") if value != before), None)
    expect(new, "the page was not rendered anew")
    return "rendered anew"


def revalidated_by_tag(visitor: Visitor, sha: str) -> str:
    """A cached page of the App Router changes after its tag was revalidated."""
    path = f"{BASE}/tagged"
    before = text_of(cached_page(visitor, path).text, "value")
    answer = visitor.post(f"{BASE}/api/revalidate")
    expect(answer.status_code == 200, f"revalidating answered {answer.status_code}: {answer.text[:300]}")
    expect(
        next((value for value in values_of(visitor, path, "value") if value != before), None),
        "the page still shows the old value after revalidateTag",
    )
    return "HIT, changed"


def server_action(visitor: Visitor, sha: str) -> str:
    """A form with a server action, posted as a browser without JavaScript does."""
    form = action_form(page_of(visitor, f"{BASE}/action").text, name="Ada")
    response = visitor.post(f"{BASE}/action", {"Origin": visitor.url}, form=form)
    # Next.js leaves the base path out where the browser has no JavaScript, and what it says is passed on.
    location = response.headers.get("location", "nowhere").removeprefix(visitor.url).removeprefix(BASE)
    expect(
        response.status_code == 303 and location.startswith("/action?message=Hello") and sha in location,
        f"the form's POST answered {response.status_code}, to {location}: {response.text[:300]}",
    )
    expect("visitor=Ada" in response.headers.get("set-cookie", ""), "the action's cookie did not arrive")
    return "303 with its cookie"


def streamed(visitor: Visitor, sha: str) -> str:
    """The first chunk of a streamed page arrives before its last one is produced."""
    chunks = list(visitor.stream(f"{BASE}/stream"))
    shell = next(chunk.at for chunk in chunks if b'data-testid="shell"' in chunk.data)
    lead = chunks[-1].at - shell
    expect(lead > 1.0, f"the shell came only {lead:.2f} s before the end; the slow part takes 1.5 s")
    return f"shell {lead:.1f} s before the end"


def split_server(visitor: Visitor, sha: str) -> str:
    """A part of the server is a function of its own, of the same release."""
    answer = page_of(visitor, f"{BASE}/api/split/a/b?c=1").json()
    expect(
        answer == {"release": sha, "function": "split", "path": ["a", "b"]}, f"the split part says {answer}"
    )
    expect(page_of(visitor, f"{BASE}/api/echo?a=1").json()["query"] == {"a": "1"}, "the rest is not the rest")
    return "split, and the rest"


def draft_mode(visitor: Visitor, sha: str) -> str:
    """Draft mode of the Pages Router, for the visitor who has its cookie."""
    path = f"{BASE}/articles/first"
    enabled = visitor.get(f"{BASE}/api/draft?enable=1")
    (cookie,) = re.findall(r"(__prerender_bypass=[^;]+)", enabled.headers.get("set-cookie", "")) or [""]
    expect(cookie, f"draft mode set no cookie: {enabled.status_code} {enabled.text[:300]}")
    visitor.session.cookies.clear()
    expect(text_of(visitor.get(path, {"Cookie": cookie}).text, "draft") == "on", "the cookie changes nothing")
    expect(text_of(page_of(visitor, path).text, "draft") == "off", "a visitor without it got a draft")
    return "on for one visitor, off for the others"


def large_bodies(visitor: Visitor, sha: str) -> str:
    """4 MB there and back through an API route of the Pages Router."""
    body = "a" * 4_000_000
    answer = visitor.post(f"{BASE}/api/echo", {"Content-Type": "text/plain"}, data=body.encode())
    expect(answer.status_code == 200, f"4 MB were answered {answer.status_code}: {answer.text[:300]}")
    expect(answer.json()["body"] == body, "the body came back changed")
    return "4 MB there and back"


NEXT_15_CHECKS = (
    SiteCheck(title="everything below basePath", run=below_the_path),
    SiteCheck(title="public files and scripts", run=files_below_the_path),
    SiteCheck(title="optimized image", run=image_below_the_path),
    SiteCheck(title="redirects, rewrites, headers, middleware", run=routed_below_the_path),
    SiteCheck(title="locales", run=locales),
    SiteCheck(title="catch-all routes", run=catch_all_pages),
    SiteCheck(title="ISR by time", run=revalidated_by_time),
    SiteCheck(title="ISR by tag", run=revalidated_by_tag),
    SiteCheck(title="server action by form POST", run=server_action),
    SiteCheck(title="streamed page", run=streamed),
    SiteCheck(title="split server", run=split_server),
    SiteCheck(title="draft mode", run=draft_mode),
    SiteCheck(title="large bodies", run=large_bodies),
)
