"""E1: which responses of a site CloudFront may cache, and which Cache-Control the visitor gets."""

from collections.abc import Iterator

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from local.edge.cache import compute_ttl
from local.edge.config import CachePolicy
from runtime.deploy.releases.build_output.shared_cache import PAGE_KEY_HEADERS, SharedCacheRules
from tests.runtime.releases.origin.cache_control import VISITOR_HEADER, CacheControl, Request

GATE = r"^(?:\/(_next\/data\/[^/]{1,}))?\/protected(\.json|\.rsc)?[\/#\?]?$"
RULES = SharedCacheRules(
    conditional=(GATE, r"^\/account(?:\/(.*))?$"),
    prerendered=("/", "/protected", "/about", "/_next/data/b1/about.json", "/größe"),
    vary=(*PAGE_KEY_HEADERS, "accept-encoding"),
    build_id="b1",
)
WITH_LOCALES = evolve(
    RULES, locales=("en", "de", "pt-BR"), detects_locale=True, prerendered=("/en/protected",)
)
# Two matchers as Next.js compiles them: the usual `/((?!api|_next/static|tags).*)`, and `/tags/:name`.
EXCLUDING = evolve(
    RULES,
    conditional=(
        r"^(?:\/(_next\/data\/[^/]{1,}))?(?:\/((?!api|_next\/static|tags).*))(\.json|\.rsc)?[\/#\?]?$",
        r"^(?:\/(_next\/data\/[^/]{1,}))?\/tags(?:\/([^\/#\?]+?))(\.json|\.rsc)?[\/#\?]?$",
    ),
)
BELOW_BASE = evolve(RULES, base_path="/base", conditional=(r"^\/base\/protected$",))
EXCLUDING_BELOW_BASE = evolve(
    RULES,
    base_path="/base",
    conditional=(r"^\/base(?:\/(_next\/data\/[^/]{1,}))?(?:\/((?!api).*))(\.json|\.rsc)?[\/#\?]?$",),
)
FRAMEWORK = "public, max-age=0, s-maxage=31536000, must-revalidate"
REVALIDATED = "public, max-age=0, must-revalidate"
REVALIDATED_PRIVATELY = "private, max-age=0, must-revalidate"
UNSHARED = "private, no-store"
# This policy has the same rules as the distribution's cache policy for pages. A response without
# Cache-Control is not cached, and no response is cached for more than a year.
POLICY = CachePolicy(max_ttl=31_536_000)


@pytest.fixture(scope="module")
def module() -> Iterator[CacheControl]:
    loaded = CacheControl()
    yield loaded
    loaded.close()


def read_cache_controls(headers: dict[str, str]) -> tuple[str | None, str | None]:
    """Return the Cache-Control that the edge's cache reads, and the Cache-Control that the visitor gets.

    The viewer-response function replaces the first one by the second one.
    """
    edge = headers.get("cache-control")
    visitor = headers.get(VISITOR_HEADER, edge)
    return edge, None if visitor == "none" else visitor


def compute_ttl_seconds(headers: dict[str, str], status: int = 200) -> float:
    return compute_ttl(POLICY, status, list(headers.items()), {}, 0.0)


@pytest.mark.parametrize(
    ("control", "edge", "visitor"),
    [
        ("public, s-maxage=60", "s-maxage=60", REVALIDATED),
        ("s-maxage=60, stale-while-revalidate=30", "s-maxage=60, stale-while-revalidate=30", REVALIDATED),
        ("public, max-age=5, s-maxage=60", "s-maxage=60", "public, max-age=5"),
        ("public, max-age=5", "s-maxage=5", "public, max-age=5"),
        ('S-MaxAge="60", Public', "s-maxage=60", REVALIDATED),
        ("public, s-maxage=60, stale-if-error=x", "s-maxage=60", REVALIDATED),
    ],
)
def test_an_answer_that_allows_shared_caching_is_shared(
    module: CacheControl, control: str, edge: str, visitor: str
) -> None:
    headers = module.apply(RULES, Request(), {"cache-control": control})
    assert read_cache_controls(headers) == (edge, visitor)
    assert compute_ttl_seconds(headers) > 0


@pytest.mark.parametrize(
    ("control", "visitor"),
    [
        (None, None),
        ("max-age=10, stale-while-revalidate=999", "max-age=10, stale-while-revalidate=999"),
        ("public", "public"),
        ("public, max-age=0", "public, max-age=0"),
        ("no-cache", "no-cache"),
        ("s-maxage=0", REVALIDATED_PRIVATELY),
        ("s-maxage=soon", REVALIDATED_PRIVATELY),
        ("public, s-maxage=60, no-cache", "public, no-cache"),
        ("private, s-maxage=60", "private"),
        (
            'public, max-age=60, community="UCI, s-maxage=5"',
            'public, max-age=60, community="UCI, s-maxage=5"',
        ),
    ],
)
def test_the_visitor_gets_cache_control_without_directives_for_shared_caches(
    module: CacheControl, control: str | None, visitor: str | None
) -> None:
    headers = module.apply(RULES, Request(), {"cache-control": control} if control else {})
    assert read_cache_controls(headers)[1] == visitor


@pytest.mark.parametrize(
    "control",
    [None, "max-age=10", "public", "no-cache", "s-maxage=0", "private, s-maxage=60", "must-revalidate"],
)
def test_an_answer_without_shared_caching_is_neither_cached_nor_collapsed(
    module: CacheControl, control: str | None
) -> None:
    """Without `private`, CloudFront could send one response to all visitors who wait for the same path."""
    headers = module.apply(RULES, Request(), {"cache-control": control} if control else {})
    assert "private" in headers["cache-control"]
    assert compute_ttl_seconds(headers) == 0


@pytest.mark.parametrize(
    ("targeted", "control", "edge", "visitor"),
    [
        ("max-age=90", "no-store", "s-maxage=90", "no-store"),
        (
            "max-age=90, stale-if-error=9",
            "public, max-age=1",
            "s-maxage=90, stale-if-error=9",
            "public, max-age=1",
        ),
        ("no-store", "public, s-maxage=60", REVALIDATED_PRIVATELY, REVALIDATED_PRIVATELY),
    ],
)
def test_cdn_cache_control_applies_only_to_the_edge(
    module: CacheControl, targeted: str, control: str, edge: str, visitor: str
) -> None:
    """RFC 9213: CDN-Cache-Control overrides Cache-Control for shared caches."""
    headers = module.apply(RULES, Request(), {"cache-control": control, "cdn-cache-control": targeted})
    assert read_cache_controls(headers) == (edge, visitor)
    assert "cdn-cache-control" not in headers


@pytest.mark.parametrize(
    "name", ["vercel-cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", VISITOR_HEADER]
)
def test_headers_for_shared_caches_are_removed(module: CacheControl, name: str) -> None:
    headers = module.apply(RULES, Request(), {"cache-control": "private, no-store", name: "max-age=60"})
    assert headers == {"cache-control": "private, no-store"}


ASKS = {"cache-control": "public, s-maxage=60"}
NOT_SHARED = {
    "a path that middleware matches": (RULES, Request(path="/protected")),
    "with a trailing slash": (RULES, Request(path="/protected/")),
    "the page data of a path that middleware matches": (RULES, Request(path="/_next/data/b1/protected.json")),
    "in another case": (RULES, Request(path="/PROTECTED")),
    "encoded": (RULES, Request(path="/%70rotected")),
    "in another case than an exclusion": (EXCLUDING, Request(path="/API/feed")),
    "spelled in another way than an exclusion": (EXCLUDING, Request(path="/%61pi/feed")),
    "with an encoded slash in a parameter": (EXCLUDING, Request(path="/tags/a%2Fb")),
    "with an encoded question mark": (EXCLUDING, Request(path="/tags/what%3Fx")),
    "with an encoded hash": (EXCLUDING, Request(path="/tags/c%23x")),
    "the index of a folder's data": (
        evolve(RULES, conditional=(r"^/docs/(.+?)(?:/)?$",)),
        Request(path="/_next/data/b1/docs/index.json"),
    ),
    "below the images' behavior": (
        evolve(RULES, conditional=(r"/_next(?:/(?!data/)|$)",)),
        Request(path="/blog/_next/image-of-the-day"),
    ),
    "a prefetch of the middleware": (RULES, Request(headers={"x-middleware-prefetch": "1"})),
    "a server action": (RULES, Request(headers={"next-action": "x"})),
    "data of a page at the page's own path": (RULES, Request(headers={"x-nextjs-data": "1"})),
    "a path below a path with conditions": (RULES, Request(path="/account/orders/1")),
    "with a doubled slash": (RULES, Request(path="//api/feed")),
    "with an encoded slash": (RULES, Request(path="/api%2Ffeed")),
    "with dots": (RULES, Request(path="/api/./feed")),
    "with a broken encoding": (RULES, Request(path="/api/%E0%A4%A")),
    "with an encoded percent sign": (RULES, Request(path="/api/%2570rotected")),
    "a path whose locale is detected": (WITH_LOCALES, Request(path="/blog/post")),
    "a locale before a path that middleware matches": (WITH_LOCALES, Request(path="/de/protected")),
    "a path that only starts like a locale": (WITH_LOCALES, Request(path="/de.faq")),
    "a locale that OpenNext does not find": (WITH_LOCALES, Request(path="/pt-BR/blog")),
    "data of another build": (RULES, Request(path="/_next/data/b2/other.json")),
    "data without an ending": (WITH_LOCALES, Request(path="/_next/data/b1/de")),
    "a rule for data with a locale": (
        evolve(WITH_LOCALES, conditional=(r"^/en/_next/data/.+$",)),
        Request(path="/_next/data/b1/en/other.json"),
    ),
    "page data of a locale, for a path that middleware matches": (
        WITH_LOCALES,
        Request(path="/_next/data/b1/en/protected.json"),
    ),
    "below a base path": (BELOW_BASE, Request(path="/base/protected")),
    "beside the base path": (BELOW_BASE, Request(path="/api/feed")),
    "with Authorization": (RULES, Request(headers={"authorization": "Bearer x"})),
    "in draft mode": (RULES, Request(headers={"cookie": "a=1; __prerender_bypass=x"})),
    "in preview mode": (RULES, Request(headers={"cookie": "__next_preview_data=x"})),
    "a revalidation": (RULES, Request(headers={"x-prerender-revalidate": "x"})),
    "a POST": (RULES, Request(method="POST")),
    "sharing that the edge does not allow": (RULES, Request(cache="4f1c")),
    "without rules": (None, Request()),
    "prerendered": (RULES, Request(path="/about")),
    "prerendered data": (RULES, Request(path="/_next/data/b1/about.json")),
    "prerendered, in unicode": (RULES, Request(path="/gr%C3%B6%C3%9Fe")),
}


@pytest.mark.parametrize("case", NOT_SHARED)
def test_an_answer_that_can_differ_between_visitors_is_not_shared(module: CacheControl, case: str) -> None:
    headers = module.apply(*NOT_SHARED[case], ASKS)
    assert compute_ttl_seconds(headers) == 0


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        (RULES, "/protected-not"),
        (RULES, "/other/account"),
        (RULES, "/api/gr%C3%B6%C3%9Fe"),
        (EXCLUDING, "/api/feed"),
        (RULES, "/_next/data/b1/other.json"),
        (WITH_LOCALES, "/en/blog/post"),
        (WITH_LOCALES, "/DE"),
        (evolve(WITH_LOCALES, detects_locale=False), "/blog/post"),
        (WITH_LOCALES, "/_next/data/b1/en/blog.json"),
        (WITH_LOCALES, "/api/feed"),
        (BELOW_BASE, "/base/other"),
        (BELOW_BASE, "/base/api/feed"),
        (EXCLUDING_BELOW_BASE, "/base/api/feed"),
    ],
)
def test_an_answer_at_an_unconditional_path_is_shared(
    module: CacheControl, rules: SharedCacheRules, path: str
) -> None:
    assert compute_ttl_seconds(module.apply(rules, Request(path=path), ASKS)) == 60


def test_an_optimized_image_is_shared(module: CacheControl) -> None:
    """The image function runs no code of the site, so its responses do not depend on middleware."""
    image = {"cache-control": "public,max-age=60,immutable", "vary": "Accept"}
    for rules, path in ((RULES, "/_next/image"), (BELOW_BASE, "/base/_next/image")):
        assert compute_ttl_seconds(module.apply(rules.create_image_rules(), Request(path=path), image)) == 60


@pytest.mark.parametrize("vary", ["cookie", "Accept-Language", "rsc, user-agent", "*"])
def test_an_answer_that_varies_beyond_the_cache_key_is_not_shared(module: CacheControl, vary: str) -> None:
    headers = module.apply(RULES, Request(), {**ASKS, "vary": vary})
    assert headers["cache-control"] == REVALIDATED_PRIVATELY
    assert compute_ttl_seconds(headers) == 0


def test_an_answer_that_varies_by_the_cache_key_is_shared(module: CacheControl) -> None:
    headers = module.apply(RULES, Request(), {**ASKS, "vary": "RSC, Next-Router-State-Tree,accept-encoding"})
    assert compute_ttl_seconds(headers) == 60


@pytest.mark.parametrize("status", [201, 206, 303, 400, 404, 410, 500])
def test_an_answer_with_an_unshareable_status_is_not_shared(module: CacheControl, status: int) -> None:
    assert compute_ttl_seconds(module.apply(RULES, Request(), ASKS, status=status), status) == 0


@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_redirect_that_allows_sharing_is_shared(module: CacheControl, status: int) -> None:
    assert compute_ttl_seconds(module.apply(RULES, Request(), ASKS, status=status), status) == 60


def test_an_answer_with_a_cookie_is_not_shared(module: CacheControl) -> None:
    headers = module.apply(RULES, Request(), ASKS, sets_cookies=True)
    assert headers["cache-control"] == REVALIDATED_PRIVATELY
    assert compute_ttl_seconds(headers) == 0


@pytest.mark.parametrize(
    ("status", "control", "sent"),
    [
        (404, None, "private"),
        (404, FRAMEWORK, REVALIDATED_PRIVATELY),
        (500, "public, max-age=60, s-maxage=600", "private, max-age=60"),
        (404, "private, no-cache, no-store", "private, no-cache, no-store"),
        (403, "no-store", "no-store"),
    ],
)
def test_an_error_has_one_header_for_the_edge_and_the_visitor(
    module: CacheControl, status: int, control: str | None, sent: str
) -> None:
    """CloudFront does not invoke the viewer-response function for a status of 400 or more.

    So the edge and the visitor get the same header.
    """
    given_headers = {"cache-control": control} if control else {}
    assert module.apply(RULES, Request(), given_headers, status=status) == {"cache-control": sent}


def test_an_error_of_any_method_is_private(module: CacheControl) -> None:
    """Without Cache-Control, CloudFront keeps an error for some seconds."""
    assert module.apply(RULES, Request(method="POST"), {}, status=405) == {"cache-control": "private"}


@pytest.mark.parametrize(
    ("path", "marks", "edge"),
    [
        ("/about", {}, REVALIDATED),
        ("/", {}, REVALIDATED),
        ("/isr", {"x-nextjs-cache": "HIT"}, REVALIDATED),
        ("/isr", {"x-opennext-cache": "STALE"}, REVALIDATED),
        ("/protected", {}, UNSHARED),
        ("/protected", {"x-nextjs-cache": "HIT"}, UNSHARED),
        ("/about", {"vary": "cookie"}, UNSHARED),
        ("/isr", {"x-nextjs-cache": "HIT", "vary": "cookie"}, UNSHARED),
    ],
)
def test_a_prerendered_page_is_revalidated_at_every_request(
    module: CacheControl, path: str, marks: dict[str, str], edge: str
) -> None:
    """D7: CloudFront asks the origin each time, so a revalidated page is visible immediately.

    Pages of both routers have the same rules.
    """
    headers = module.apply(RULES, Request(path=path), {"cache-control": FRAMEWORK, **marks})
    assert read_cache_controls(headers) == (edge, REVALIDATED)


def test_a_prerendered_page_without_cache_control_is_always_revalidated(module: CacheControl) -> None:
    """If the site removes Next.js's Cache-Control, no cache may use the page without asking the server."""
    assert (
        module.apply(RULES, Request(path="/isr"), {"x-nextjs-cache": "HIT"})["cache-control"] == REVALIDATED
    )


def test_a_browser_time_that_the_site_sets_on_a_prerendered_page_stays(module: CacheControl) -> None:
    """Next.js itself sets no time for browsers."""
    sent = {"cache-control": "public, max-age=60, s-maxage=600", "x-nextjs-cache": "HIT"}
    headers = module.apply(RULES, Request(path="/isr"), sent)
    assert read_cache_controls(headers) == (UNSHARED, "public, max-age=60")


def test_a_prerendered_page_with_a_cookie_is_private(module: CacheControl) -> None:
    """The header has no `no-store`, so that the browser's back/forward cache may keep the page."""
    headers = module.apply(RULES, Request(path="/about"), {"cache-control": FRAMEWORK}, sets_cookies=True)
    assert headers == {"cache-control": REVALIDATED_PRIVATELY}


directives = st.sampled_from(
    [
        "public",
        "private",
        "no-store",
        "no-cache",
        "must-revalidate",
        "max-age=60",
        "max-age=0",
        "s-maxage=31536000",
        "S-MaxAge=5",
        's-maxage="7"',
        "stale-while-revalidate=60",
        "stale-if-error=60",
        "immutable",
        "proxy-revalidate",
        'private="x, s-maxage=9"',
        "=",
        "s-maxage",
        "",
    ]
)
controls = st.lists(directives, max_size=5).map(", ".join)
answers = st.fixed_dictionaries(
    {},
    optional={
        "cache-control": controls,
        "cdn-cache-control": controls,
        "surrogate-control": controls,
        "expires": st.just("Wed, 21 Oct 2099 07:28:00 GMT"),
        "x-nextjs-cache": st.sampled_from(["HIT", "MISS", "STALE"]),
        "vary": st.sampled_from(["rsc", "cookie", "accept-encoding", "*"]),
        VISITOR_HEADER: controls,
    },
)
statuses = st.sampled_from([200, 201, 301, 302, 304, 307, 404, 410, 500])


def test_an_answer_with_x_middleware_skip_is_not_shared(module: CacheControl) -> None:
    answer = {**ASKS, "x-middleware-skip": "1"}
    assert compute_ttl_seconds(module.apply(RULES, Request(), answer)) == 0


segments = st.sampled_from(
    [
        "api",
        "API",
        "%61pi",
        "feed",
        "tags",
        "a%2Fb",
        "a%3Fb",
        "protected",
        "%70rotected",
        "x.json",
        "index",
        "gr%C3%B6",
    ]
)
paths = st.lists(segments, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
prefixes = st.sampled_from(["", "/_next/data/b1", "/_next"])
endings = st.sampled_from(["", "/", ".json", ".rsc", "%2F"])


@given(path=st.tuples(prefixes, paths, endings).map("".join), rules=st.sampled_from([RULES, EXCLUDING]))
def test_a_path_for_which_opennext_runs_middleware_is_not_shared(
    module: CacheControl, path: str, rules: SharedCacheRules
) -> None:
    """OpenNext compares the raw and the decoded path of a request.

    For page data, it also compares the path of the page. The comparison is case-sensitive.
    """
    if module.matches_path(rules.conditional, path):
        assert compute_ttl_seconds(module.apply(rules, Request(path=path), ASKS)) == 0


@given(headers=answers, status=statuses, case=st.sampled_from(sorted(NOT_SHARED)), cookies=st.booleans())
def test_no_header_of_a_bundle_makes_an_unshareable_answer_cacheable(
    module: CacheControl, headers: dict[str, str], status: int, case: str, *, cookies: bool
) -> None:
    rules, request = NOT_SHARED[case]
    rewritten = module.apply(rules, request, headers, status=status, sets_cookies=cookies)
    assert compute_ttl_seconds(rewritten, status) == 0
    # CloudFront keeps and shares only answers to GET and HEAD.
    edge = rewritten.get("cache-control", "no-store" if request.method == "POST" else "").lower()
    assert any(opt_out in edge for opt_out in ("private", "no-store", "no-cache", "max-age=0"))


@given(headers=answers, status=statuses, path=st.sampled_from(["/api/feed", "/about", "/protected", "//"]))
def test_no_visitor_gets_directives_for_shared_caches_from_any_bundle(
    module: CacheControl, headers: dict[str, str], status: int, path: str
) -> None:
    rewritten = module.apply(RULES, Request(path=path), headers, status=status)
    _, visitor = read_cache_controls(rewritten)
    names = [part.partition("=")[0].strip().lower() for part in (visitor or "").split(",") if '"' not in part]
    assert "s-maxage" not in names
    assert not {"cdn-cache-control", "surrogate-control"} & rewritten.keys()
    assert status < 400 or VISITOR_HEADER not in rewritten
