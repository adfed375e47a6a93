"""E1: the edge never serves a middleware response for one visitor to another visitor.

The site in `middleware-site` uses all forms of middleware. The real OpenNext builds the site once. The
platform releases this build, and `next start` serves the same build for comparison.
"""

import itertools
import random
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

import pytest
from attrs import evolve, field, frozen

from local.cloud import Cloud
from local.github import Webhook, create_push_payload
from tests.e2e import tiny_site
from tests.e2e.tiny_platform import SITES
from tests.e2e.visitors import (
    EdgeClient,
    FunctionClient,
    NextStartClient,
    Reply,
    VisitorProfile,
    VisitorRequest,
    build_site,
    run_next_start,
)

PAGES: Final = (
    "protected",
    "session",
    "experiment",
    "device",
    "greeting",
    "shop",
    "stamped",
    "note",
    "basic",
)
# The path whose responses differ from Next.js, because OpenNext ignores `has` and `missing` of a middleware
# matcher.
DIFFERS_FROM_NEXT: Final = "/session"
STRANGER: Final = VisitorProfile()
MEMBER: Final = VisitorProfile(cookie="user=ok")
VISITORS: Final = tuple(
    VisitorProfile(cookie=cookie, user_agent=agent, language=language, country=country, authorization=auth)
    for (cookie, country), (agent, auth), language in itertools.product(
        (("", "KH"), ("user=ok", "DE"), ("bucket=b", "FR"), ("staff=1; session=x", "KH")),
        (("Mozilla/5.0 (X11; Linux x86_64)", ""), ("Mozilla/5.0 (iPhone) Mobile", "Basic YTpi")),
        ("en", "de"),
    )
)


@frozen(kw_only=True)
class Variant:
    """One build of the site.

    Attributes:
        example: The example site whose locked dependencies and OpenNext configuration the variant uses.
        site: The declared site to which the build is released.
        changes: The argument `changes` of `build_site`.
        base: The base path.
        slash: The last character of each path: `/`, or an empty string for a site without trailing slashes.
        locales: The site's locales. The paths of page data contain the first locale. With locales, OpenNext
            does not find pages of the App Router. Therefore such a site is not compared with `next start`.
    """

    example: str
    site: str
    changes: Mapping[str, str | None] = field(factory=dict)
    base: str = ""
    slash: str = ""
    locales: Sequence[str] = ()

    @property
    def settings(self) -> dict[str, str]:
        """The variables that `next.config.mjs` of the site reads."""
        return {
            "SITE_BASE_PATH": self.base,
            "SITE_TRAILING_SLASH": "1" if self.slash else "",
            "SITE_LOCALES": ",".join(self.locales),
            "SITE_NEXT_15": "1" if "15" in self.example else "",
        }


VARIANTS: Final = {
    "next 16, proxy.ts": Variant(example="next-site", site="theta", changes={"middleware.ts": "proxy.ts"}),
    "next 15, base path, trailing slashes": Variant(
        example="next-15-site", site=SITES[1], base="/base", slash="/"
    ),
    "next 16, middleware.ts, locales": Variant(example="next-site", site=SITES[2], locales=("en", "de")),
}


@frozen(kw_only=True)
class ServedBuild:
    """One build, served in three ways.

    Attributes:
        edge: The live site, requested through the edge.
        function: The server function of the same release, called directly.
        next: The same build, served by `next start`.
    """

    variant: Variant
    build_id: str
    edge: EdgeClient
    function: FunctionClient
    next: NextStartClient

    def make_request(
        self,
        page: str,
        visitor: VisitorProfile,
        *,
        method: str = "GET",
        form: str = "document",
        query: str = "",
    ) -> VisitorRequest:
        """Return a visitor's request for a page. `VisitorRequest` describes the values of `form`."""
        if form == "data":
            locale = f"/{self.variant.locales[0]}" if self.variant.locales else ""
            path = f"/_next/data/{self.build_id}{locale}/{page}.json"
        else:
            path = f"/{page}{self.variant.slash}"
        return VisitorRequest(
            visitor=visitor, path=f"{self.variant.base}{path}{query}", method=method, form=form
        )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if number == 0 else [pytest.mark.conformance])
        for number, name in enumerate(VARIANTS)
    ],
)
def served(
    request: pytest.FixtureRequest, cloud: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Generator[ServedBuild]:
    variant = VARIANTS[request.param]
    folder = build_site(
        tmp_path_factory.mktemp("site") / "site",
        example=variant.example,
        changes=variant.changes,
        settings=variant.settings,
    )
    output = {
        f"output/{path.relative_to(folder / '.open-next').as_posix()}": path.read_bytes()
        for path in (folder / ".open-next").rglob("*")
        if path.is_file()
    }
    own = {
        name: content for name, content in tiny_site.make_files().items() if not name.startswith("output/")
    }
    repository = cloud.git.create(
        f"middleware-{variant.site}",
        tiny_site.write_files(tmp_path_factory.mktemp("repository"), own | output),
    )
    client = cloud.sign_in(cloud.create_user(f"{variant.site}@middleware.example.com"))
    project = client.create_project(name="Middleware", site=variant.site, repository_url=repository.url)
    payload = create_push_payload(repository_url=repository.url, sha=repository.head, message="The site")
    deployment_id = Webhook(**project["webhook"]).deliver(payload).json()["deploymentId"]
    deployment = client.wait_until(deployment_id, set(), timeout=300.0)
    assert deployment["status"] == "live", deployment
    edge = EdgeClient(url=project["url"])
    with run_next_start(folder, host=edge.host, settings=variant.settings) as started:
        yield ServedBuild(
            variant=variant,
            build_id=(folder / ".next" / "BUILD_ID").read_text().strip(),
            edge=edge,
            function=FunctionClient.from_release(cloud, variant.site, edge.host, deployment_id),
            next=started,
        )


def create_unused_query() -> str:
    """Return a query that no request has used, so that its cache key is new."""
    return f"?fresh={uuid.uuid4().hex}"


def make_image_request(
    served: ServedBuild, visitor: VisitorProfile, *, method: str = "GET", query: str = ""
) -> VisitorRequest:
    """Return a visitor's request for an optimized image."""
    base, slash = served.variant.base, served.variant.slash
    source = f"{base}/square.png".replace("/", "%2F")
    path = f"{base}/_next/image{slash}?url={source}&w=64&q=75{query}"
    return VisitorRequest(visitor=visitor, path=path, method=method)


FORMS = [("GET", "document"), ("HEAD", "document"), ("GET", "rsc"), ("GET", "data")]


@pytest.mark.parametrize(("method", "form"), FORMS)
@pytest.mark.parametrize("page", ["protected", "in/protected"])
@pytest.mark.parametrize(
    "order", [(MEMBER, STRANGER), (STRANGER, MEMBER)], ids=["member first", "stranger first"]
)
def test_a_protected_page_is_never_served_to_a_stranger_whoever_asks_first(
    served: ServedBuild, order: tuple[VisitorProfile, VisitorProfile], page: str, method: str, form: str
) -> None:
    """A page that the middleware shows only to members is never served to a stranger, whoever asks first."""
    query = create_unused_query()
    for visitor in (*order, *order):
        request = served.make_request(page, visitor, method=method, form=form, query=query)
        found, right = served.edge.send(request), served.function.send(request)
        assert found == right
        assert not found.is_hit
        if form == "document" and not (served.variant.locales and page.startswith("in/")):
            assert found.status == (200 if visitor is MEMBER else 307)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_protected_image_is_never_served_to_a_stranger(served: ServedBuild, method: str) -> None:
    """F1, E1: the answers have the status, headers, cookies and errors of `next start`."""
    query = f"&fresh={uuid.uuid4().hex}"
    # Without an image in its cache, `next start` answers HEAD with 400: it sends HEAD for the source, too.
    served.next.send(make_image_request(served, MEMBER))
    for visitor in (MEMBER, STRANGER, MEMBER, STRANGER):
        request = make_image_request(served, visitor, method=method, query=query)
        found, right = served.edge.send(request), served.next.send(request)
        assert not found.is_hit
        assert found.status == (200 if visitor is MEMBER else 401)
        assert (found.status, found.cookies) == (right.status, right.cookies)
        assert found.headers["x-seen"] == right.headers["x-seen"]
        assert visitor is MEMBER or found.body == right.body
    assert found.body == ("members only" if method == "GET" else "")


def test_middleware_can_redirect_and_rewrite_a_request_for_an_image(served: ServedBuild) -> None:
    """F1: the query of a rewrite counts.

    With locales, the rewritten path has a locale, so that Next.js finds no image there.
    """
    moved = make_image_request(served, MEMBER, query="&moved=1")
    assert served.edge.send(moved).compared_parts == served.next.send(moved).compared_parts
    if served.variant.locales:
        return
    plain, wide, wrong = (
        served.edge.send(make_image_request(served, MEMBER, query=query))
        for query in ("", "&wide=256", "&wide=65")
    )
    assert len(wide.body) > len(plain.body)
    assert (wrong.status, wrong.body) == (400, '"w" parameter (width) of 65 is not allowed')
    assert {each.headers["x-seen"] for each in (plain, wide, wrong)} == {"member"}


@pytest.mark.parametrize("seed", range(3))
def test_each_visitor_gets_the_same_answer_with_and_without_the_edge(served: ServedBuild, seed: int) -> None:
    """Each answer through the edge equals the answer of the function that is called directly.

    The content of each page also equals the page of `next start`.
    """
    right: Callable[[VisitorRequest], Reply] = cache(served.function.send)
    real: Callable[[VisitorRequest], Reply] = cache(served.next.send)
    draw = random.Random(seed)  # noqa: S311 - the seed makes the order repeatable
    forms = [*FORMS, ("POST", "document")]
    query = create_unused_query()
    sent_requests = [
        served.make_request(
            draw.choice((page, f"in/{page}")),
            visitor,
            method=method,
            form=form,
            query=draw.choice(("", query)),
        )
        for page in PAGES
        for visitor in VISITORS
        for method, form in draw.sample(forms, 2)
    ]
    draw.shuffle(sent_requests)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(served.edge.send, sent_requests))
    wrong = [
        (request, reply, right(request))
        for request, reply in zip(sent_requests, found, strict=True)
        if reply != right(request)
    ]
    assert wrong == []
    documents = {
        request: reply
        for request, reply in zip(sent_requests, found, strict=True)
        if request.form == "document" and request.method == "GET" and DIFFERS_FROM_NEXT not in request.path
    }
    assert len(documents) > len(PAGES)
    if served.variant.locales:
        return
    different = {
        f"{request.path} for {request.headers}: {reply.compared_parts}, not {real(request).compared_parts}"
        for request, reply in documents.items()
        if reply.compared_parts != real(request).compared_parts
    }
    assert not different, "\n".join(sorted(different))
    controls = {reply.control or "" for reply in found}
    assert not [control for control in controls if "s-maxage" in control]


def test_a_shareable_answer_is_shared_between_visitors(served: ServedBuild) -> None:
    """The response of `/api/feed` may be shared: it allows shared caching, and no middleware handles it."""
    request = served.make_request("api/feed", STRANGER, query=create_unused_query())
    first, second = served.edge.send(request), served.edge.send(evolve(request, visitor=MEMBER))
    assert (first.status, first.is_hit, second.is_hit) == (200, False, True)
    assert first.body == second.body
    assert (first.control, second.control) == ("public, max-age=0, must-revalidate",) * 2


@pytest.mark.parametrize(
    "visitor", [evolve(STRANGER, authorization="Bearer x"), evolve(STRANGER, cookie="__prerender_bypass=x")]
)
def test_a_visitor_with_credentials_or_in_draft_mode_gets_a_separate_answer(
    served: ServedBuild, visitor: VisitorProfile
) -> None:
    request = served.make_request("api/feed", STRANGER, query=create_unused_query())
    bodies = {served.edge.send(each).body for each in (request, evolve(request, visitor=visitor))}
    bodies |= {served.edge.send(evolve(request, visitor=visitor)).body}
    assert len(bodies) == 3


@pytest.mark.parametrize("path", ["api/by-cookie", "api/conditional"])
def test_an_answer_that_varies_by_a_cookie_or_a_condition_is_not_shared(
    served: ServedBuild, path: str
) -> None:
    """The first path sends `Vary: Cookie`. For the second path, `next.config.mjs` has cookie conditions."""
    query = create_unused_query()
    for visitor in (MEMBER, STRANGER, evolve(STRANGER, cookie="bucket=b"), MEMBER):
        request = served.make_request(path, visitor, query=query)
        reply = served.edge.send(request)
        assert not reply.is_hit
        assert reply.headers.get("x-user") == served.function.send(request).headers.get("x-user")
