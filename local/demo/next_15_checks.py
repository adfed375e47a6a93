"""Checks of `examples/next-15-site`: Next.js 15 with a base path and a split server.

These checks repeat checks of `local/demo/site_checks.py` for features that depend on the base path, on the
Next.js version, on the Pages Router or on the split server.
"""

import io
import re

from PIL import Image

from local.demo.site_checks import (
    SiteCheck,
    get_page,
    poll_values,
    read_action_form,
    read_commit,
    read_text,
    require_condition,
    wait_for_cache_hit,
)
from local.demo.visitor import Visitor

BASE = "/docs"


def check_base_path(visitor: Visitor, sha: str) -> str:
    """Check that the site answers only below its base path, and renders its start page for each request."""
    first, second = (get_page(visitor, BASE).text for _ in range(2))
    require_condition(read_commit(first) == sha, f"the page shows commit {read_commit(first)}, not {sha}")
    require_condition(
        read_text(first, "rendered-at") != read_text(second, "rendered-at"),
        "two requests got the same rendering",
    )
    for path in ("/", "/articles/first", "/robots.txt", "/_next/image?url=%2Fdocs%2Fphoto.jpg&w=640&q=75"):
        get_page(visitor, path, status=404)
    return f"commit {sha[:12]}; 404 outside the base path"


def check_public_files(visitor: Visitor, sha: str) -> str:
    """Check public files and all scripts of the page, with their cache headers."""
    require_condition(
        get_page(visitor, f"{BASE}/robots.txt").text.startswith("User-agent"), "robots.txt is wrong"
    )
    require_condition(
        get_page(visitor, f"{BASE}/data/sample.json").json() == {"sample": True}, "sample.json is wrong"
    )
    scripts = sorted(set(re.findall(r'"(/docs/_next/static/[^"\\\\]+\.js)"', get_page(visitor, BASE).text)))
    require_condition(scripts, "the page loads no script below the base path")
    for script in scripts:
        caching = get_page(visitor, script).headers.get("cache-control", "none")
        require_condition("immutable" in caching, f"{script} has Cache-Control {caching}")
    return f"{len(scripts)} scripts, 2 public files"


def check_optimized_image(visitor: Visitor, sha: str) -> str:
    """Check that an image is resized and has a format that the browser accepts."""
    path = f"{BASE}/_next/image?url=%2Fdocs%2Fphoto.jpg&w=640&q=75"
    kinds: list[str] = []
    for accepted in ("image/avif,image/webp,*/*", "image/png,*/*"):
        response = visitor.get(path, {"Accept": accepted})
        require_condition(response.status_code == 200, f"the image answered {response.status_code}")
        width = Image.open(io.BytesIO(response.content)).width
        require_condition(width == 640, f"the image is {width} pixels wide, not 640")
        kinds.append(response.headers["content-type"])
    require_condition(
        kinds[0] in ("image/webp", "image/avif") and kinds[1] == "image/jpeg", f"the types are {kinds}"
    )
    return " and ".join(kinds)


def check_routing_rules(visitor: Visitor, sha: str) -> str:
    """Check redirects, rewrites and headers of `next.config.ts` and of the middleware."""
    for path, status, target in (
        (f"{BASE}/old", 308, f"{BASE}/articles/first"),
        (f"{BASE}/welcome", 307, f"{BASE}/en/welcome"),
    ):
        answer = visitor.get(path)
        went = (answer.status_code, answer.headers.get("location", "nowhere").removeprefix(visitor.url))
        require_condition(went == (status, target), f"{path} answered {went}")
    for path in (f"{BASE}/latest", f"{BASE}/newest"):
        page = get_page(visitor, path)
        require_condition(
            read_text(page.text, "title") == "The second article", f"{path} shows the wrong page"
        )
        require_condition(
            page.headers.get("x-middleware") == "next-15-site", f"{path} has no header of the middleware"
        )
    section = get_page(visitor, f"{BASE}/articles/first").headers.get("x-section")
    require_condition(section == "articles", f"the x-section header is {section!r}")
    return "2 redirects, 2 rewrites, 2 headers"


def check_locales(visitor: Visitor, sha: str) -> str:
    """Check that the middleware redirects each visitor to the page in the browser's language."""
    german = visitor.get(f"{BASE}/welcome", {"Accept-Language": "de-DE,de;q=0.9"})
    target = german.headers.get("location", "nowhere").removeprefix(visitor.url)
    require_condition(target == f"{BASE}/de/welcome", f"a German browser is redirected to {target}")
    for locale, greeting in (("en", "Welcome"), ("de", "Willkommen")):
        shown = read_text(wait_for_cache_hit(visitor, f"{BASE}/{locale}/welcome").text, "greeting")
        require_condition(shown == greeting, f"the page in {locale} shows {shown!r}")
    get_page(visitor, f"{BASE}/fr/welcome", status=404)
    return "en, de, 404"


def check_catch_all_routes(visitor: Visitor, sha: str) -> str:
    """Check catch-all routes of both routers: prerendered, on demand, 404."""
    first = get_page(visitor, f"{BASE}/articles/first").text
    require_condition(read_text(first, "path") == "first", "/articles/first shows the wrong article")
    deep = get_page(visitor, f"{BASE}/articles/second/a/b").text
    require_condition(
        read_text(deep, "path").replace("&gt;", ">") == "second > a > b",
        "/articles/second/a/b shows the wrong article",
    )
    get_page(visitor, f"{BASE}/articles/none", status=404)
    for path, shown in (("", "top"), ("/a/b%20c", "a > b c")):
        got = read_text(get_page(visitor, f"{BASE}/files{path}").text, "path").replace("&gt;", ">")
        require_condition(got == shown, f"/files{path} shows {got!r}, not {shown!r}")
    return "Pages Router and App Router"


def check_revalidation_by_time(visitor: Visitor, sha: str) -> str:
    """Check that a Pages Router page with `revalidate: 2` is rendered again after a stale answer."""
    path = f"{BASE}/articles/first"
    before = read_text(wait_for_cache_hit(visitor, path).text, "rendered-at")
    new = next((value for value in poll_values(visitor, path, "rendered-at") if value != before), None)
    require_condition(new, "the page was not rendered again")
    return "rendered again"


def check_revalidation_by_tag(visitor: Visitor, sha: str) -> str:
    """Check that a cached page of the App Router changes after its tag is revalidated."""
    path = f"{BASE}/tagged"
    before = read_text(wait_for_cache_hit(visitor, path).text, "value")
    answer = visitor.post(f"{BASE}/api/revalidate")
    require_condition(
        answer.status_code == 200, f"revalidating returned {answer.status_code}: {answer.text[:300]}"
    )
    require_condition(
        next((value for value in poll_values(visitor, path, "value") if value != before), None),
        "the page still shows the old value after revalidateTag",
    )
    return "HIT, changed"


def check_server_action(visitor: Visitor, sha: str) -> str:
    """Check a server action that a form posts without JavaScript."""
    form = read_action_form(get_page(visitor, f"{BASE}/action").text, name="Ada")
    response = visitor.post(f"{BASE}/action", {"Origin": visitor.url}, form=form)
    # Without JavaScript, Next.js omits the base path in this redirect, and the platform does not add it.
    # Therefore this check accepts the location with and without the base path.
    location = response.headers.get("location", "nowhere").removeprefix(visitor.url).removeprefix(BASE)
    require_condition(
        response.status_code == 303 and location.startswith("/action?message=Hello") and sha in location,
        f"the form's POST returned {response.status_code}, location {location}: {response.text[:300]}",
    )
    require_condition(
        "visitor=Ada" in response.headers.get("set-cookie", ""), "the action's cookie did not arrive"
    )
    return "303 with its cookie"


def check_streaming(visitor: Visitor, sha: str) -> str:
    """Check that the first part of a streamed page arrives more than a second before the last part."""
    chunks = list(visitor.stream(f"{BASE}/stream"))
    shell = next(chunk.seconds for chunk in chunks if b'data-testid="shell"' in chunk.data)
    lead = chunks[-1].seconds - shell
    require_condition(
        lead > 1.0, f"the shell came only {lead:.2f} s before the end; the slow part takes 1.5 s"
    )
    return f"shell {lead:.1f} s before the end"


def check_split_server(visitor: Visitor, sha: str) -> str:
    """Check that the split part of the server is a separate function of the same release."""
    answer = get_page(visitor, f"{BASE}/api/split/a/b?c=1").json()
    require_condition(
        answer == {"release": sha, "function": "split", "path": ["a", "b"]},
        f"the split function returned {answer}",
    )
    require_condition(
        get_page(visitor, f"{BASE}/api/echo?a=1").json()["query"] == {"a": "1"},
        "the default function lost the query string",
    )
    return "split and default function"


def check_draft_mode(visitor: Visitor, sha: str) -> str:
    """Check that draft mode of the Pages Router applies only to the visitor with its cookie."""
    path = f"{BASE}/articles/first"
    enabled = visitor.get(f"{BASE}/api/draft?enable=1")
    (cookie,) = re.findall(r"(__prerender_bypass=[^;]+)", enabled.headers.get("set-cookie", "")) or [""]
    require_condition(cookie, f"draft mode set no cookie: {enabled.status_code} {enabled.text[:300]}")
    visitor.session.cookies.clear()
    require_condition(
        read_text(visitor.get(path, {"Cookie": cookie}).text, "draft") == "on", "the cookie has no effect"
    )
    require_condition(
        read_text(get_page(visitor, path).text, "draft") == "off", "a visitor without a cookie got a draft"
    )
    return "on for one visitor, off for the others"


def check_large_bodies(visitor: Visitor, sha: str) -> str:
    """Check that an API route of the Pages Router receives and returns 4 MB."""
    body = "a" * 4_000_000
    answer = visitor.post(f"{BASE}/api/echo", {"Content-Type": "text/plain"}, data=body.encode())
    require_condition(
        answer.status_code == 200, f"a POST of 4 MB returned {answer.status_code}: {answer.text[:300]}"
    )
    require_condition(answer.json()["body"] == body, "the returned body differs")
    return "4 MB received and returned"


NEXT_15_CHECKS = (
    SiteCheck(title="everything below basePath", run=check_base_path),
    SiteCheck(title="public files and scripts", run=check_public_files),
    SiteCheck(title="optimized image", run=check_optimized_image),
    SiteCheck(title="redirects, rewrites, headers, middleware", run=check_routing_rules),
    SiteCheck(title="locales", run=check_locales),
    SiteCheck(title="catch-all routes", run=check_catch_all_routes),
    SiteCheck(title="ISR by time", run=check_revalidation_by_time),
    SiteCheck(title="ISR by tag", run=check_revalidation_by_tag),
    SiteCheck(title="server action by form POST", run=check_server_action),
    SiteCheck(title="streamed page", run=check_streaming),
    SiteCheck(title="split server", run=check_split_server),
    SiteCheck(title="draft mode", run=check_draft_mode),
    SiteCheck(title="large bodies", run=check_large_bodies),
)
