"""D3, D7: releases in a real browser. Some tests open a page, switch the release, and use the same page.

Each test starts with an empty cache and no cookies. At its end, each test asserts that there were no uncaught
exceptions, no failed requests, and no errors or warnings in the console.
"""

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from attrs import frozen

from local.cloud import Cloud
from local.demo.demo import PushedProject, push_commit
from local.progress import Progress
from tests.e2e import devtools
from tests.e2e.chromium import install_chromium
from tests.e2e.tab import Request, Tab

ROOT = Path(__file__).parents[2]
# A test sets this variable to false. If the browser then loads a full page, the variable is undefined again.
FULL_LOAD = "window.loadedAnew"

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[[str], Tab]]:
    """Return a function that opens a tab at the URL of a site. All tests share the browser."""
    profile = tmp_path_factory.mktemp("profile")
    with devtools.run_browser(install_chromium(ROOT / ".anchor"), profile) as tools:
        yield lambda url: Tab.open_at(url, tools)


@pytest.fixture(scope="module")
def next_push(cloud: Cloud, first_push: PushedProject) -> PushedProject:
    """The example site after a second push. The release of this push is live."""
    first_push.repository.commit({"public/second.txt": "the second release\n"}, "Add a file")
    return push_commit(cloud, first_push, "Add a file", Progress())


@pytest.fixture
def tab(first_push: PushedProject, visit: Callable[[str], Tab]) -> Tab:
    """A tab at the immutable URL of the first release. A switch does not change what this URL shows."""
    return visit(first_push.deployment["url"])


@frozen(kw_only=True)
class Skew:
    """A site with two releases, for tests of a page that was opened before a switch.

    Attributes:
        old: The release that is live at the start of a test.
        new: The release that `switch` makes live.
        tab: A tab at the URL of the site.
    """

    old: PushedProject
    new: PushedProject
    tab: Tab

    def switch(self) -> None:
        self.new.client.promote(self.new.deployment["deploymentId"])


@pytest.fixture(params=["on to the second", "back to the first"])
def skew(
    request: pytest.FixtureRequest,
    first_push: PushedProject,
    next_push: PushedProject,
    visit: Callable[[str], Tab],
) -> Skew:
    old, new = (first_push, next_push) if request.param == "on to the second" else (next_push, first_push)
    project = first_push.client.call("GET", f"/projects/{first_push.project['projectId']}")
    live = project["live"]["deploymentId"]
    if live != old.deployment["deploymentId"]:
        first_push.client.promote(old.deployment["deploymentId"])
    return Skew(old=old, new=new, tab=visit(first_push.project["url"]))


def is_page_prefetch(request: Request) -> bool:
    """Return whether the request prefetches the segment of a page."""
    return request.headers.get("next-router-segment-prefetch", "").endswith("/__PAGE__")


def test_a_page_is_hydrated_and_loads_a_script_on_demand(first_push: PushedProject, tab: Tab) -> None:
    """Requirement D7."""
    tab.open("/browser")
    assert tab.read_text("commit") == tab.read_text("page") == tab.read_text("script") == first_push.sha
    tab.click("button")
    tab.wait_for_text("clicks", "1")
    tab.wait_for_text("later", first_push.sha)
    tab.click("button")
    tab.wait_for_text("clicks", "2")
    assert tab.wait_until_idle() == []


def test_every_kind_of_problem_is_recorded(tab: Tab) -> None:
    """Without this test, an assertion that there were no problems would prove nothing."""
    tab.open("/browser")
    tab.evaluate("setTimeout(() => { console.error('said'); throw new Error('thrown') })")
    tab.evaluate("fetch('/no/such/page').then(answer => answer.text())")
    tab.evaluate("fetch('http://localhost:1/').catch(() => 'refused')")
    problems = "\n".join(tab.wait_until_idle())
    for problem in (
        "console.error: said",
        "uncaught: Error: thrown",
        "/no/such/page was answered 404",
        "localhost:1/ failed: net::ERR_",
    ):
        assert problem in problems


def test_a_page_its_script_and_its_api_belong_to_one_release(tab: Tab) -> None:
    """Requirement D3."""
    tab.open("/")
    tab.wait_for_text("release-check", "same release")
    assert tab.wait_until_idle() == []


def test_a_visible_link_is_prefetched(tab: Tab) -> None:
    """D7: Next.js prefetches all segments of a prerendered page, so a click on the link sends no request."""
    tab.open("/browser")
    tab.wait_for_request("/posts/first", is_page_prefetch)
    tab.wait_until_idle()
    before = len(tab.requests)
    tab.follow_link("/posts/first")
    tab.wait_for_text("title", "The first post")
    assert [one.url for one in tab.requests[before:] if "/posts/first" in one.url] == []
    assert tab.wait_until_idle() == []


@pytest.mark.parametrize(
    ("path", "title"), [("/posts/first", "The first post"), ("/posts/third", "The third post")]
)
def test_following_a_link_and_going_back_loads_no_full_page(tab: Tab, path: str, title: str) -> None:
    """D7: the link leads to a prerendered page, or to a page that is rendered at its first request."""
    tab.open("/browser")
    tab.evaluate(f"{FULL_LOAD} = false")
    tab.follow_link(path)
    tab.wait_for_text("title", title)
    tab.evaluate("history.back()")
    tab.wait_for_text("clicks", "0")
    assert tab.evaluate("location.pathname") == "/browser"
    assert tab.evaluate(FULL_LOAD) is False
    assert tab.wait_until_idle() == []


def test_submitting_a_form_loads_no_full_page(first_push: PushedProject, tab: Tab) -> None:
    """D7: the form calls a server action, which sets a cookie and redirects."""
    tab.open("/action")
    tab.evaluate(f"{FULL_LOAD} = false")
    tab.type("input[name=name]", "Ada")
    tab.click("form button")
    tab.wait_for_text("message", f"Hello, Ada, from {first_push.sha}")
    tab.wait_for_text("visitor", "Ada")
    assert tab.evaluate(FULL_LOAD) is False
    assert tab.wait_until_idle() == []


def test_an_image_has_the_width_that_fits_the_window(tab: Tab) -> None:
    """D7: the window is 800 pixels wide. The browser chooses the nearest width that the page offers."""
    tab.open("/image")
    chosen, width, height = tab.evaluate(
        "(async () => { const shown = document.querySelector('main img'); await shown.decode();"
        " const alone = new Image(); alone.src = shown.currentSrc; await alone.decode();"
        " return [shown.currentSrc, alone.naturalWidth, alone.naturalHeight] })()"
    )
    assert chosen.endswith("/_next/image?url=%2Fphoto.jpg&w=828&q=75")
    assert (width, height) == (828, 552)
    assert tab.wait_until_idle() == []


def test_a_streamed_page_shows_its_fallback_before_the_slow_part(tab: Tab) -> None:
    """Requirement D7."""
    tab.run_before_every_page(
        "const first = window.first = {}; new MutationObserver(() => { for (const id of ['waiting', 'slow'])"
        " if (document.querySelector(`[data-testid=${id}]`)) first[id] ??= performance.now() })"
        ".observe(document, {childList: true, subtree: true})"
    )
    tab.open("/stream")
    tab.read_text("slow")
    tab.wait_until("!document.querySelector('[data-testid=waiting]')")
    assert tab.evaluate("first.slow - first.waiting") > 1000
    assert tab.wait_until_idle() == []


@pytest.mark.parametrize(
    ("path", "testid", "text", "address"),
    [
        ("/old-home", "release-check", "same release", "/"),
        ("/rewritten", "title", "The first post", "/rewritten"),
        ("/legacy/second", "title", "The second post", "/posts/second"),
    ],
    ids=["redirected by the middleware", "rewritten by the middleware", "redirected by the configuration"],
)
def test_redirects_and_rewrites_show_the_right_page_and_location(
    tab: Tab, path: str, testid: str, text: str, address: str
) -> None:
    """Requirement D7."""
    tab.open(path)
    tab.wait_for_text(testid, text)
    assert tab.evaluate("location.pathname") == address
    assert tab.wait_until_idle() == []


def test_draft_mode_applies_to_one_visitor_only(
    first_push: PushedProject, tab: Tab, visit: Callable[[str], Tab]
) -> None:
    """D7: the test uses a browser, because a browser has stricter rules for cookies than an HTTP client."""
    tab.open("/draft")
    tab.wait_for_text("draft", "off")
    assert tab.evaluate("fetch('/api/draft?enable=1', {method: 'POST'}).then(answer => answer.json())") == {
        "draft": True
    }
    tab.reload()
    tab.wait_for_text("draft", "on")
    other = visit(first_push.deployment["url"])
    other.open("/draft")
    other.wait_for_text("draft", "off")
    assert tab.wait_until_idle() == other.wait_until_idle() == []


def test_an_open_page_loads_scripts_of_its_release_after_a_switch(skew: Skew) -> None:
    """D3: after the switch, the page loads a script that it has not loaded before.

    The live release has another version of this script.
    """
    tab = skew.tab
    tab.open("/browser")
    tab.wait_for_text("script", skew.old.sha)
    skew.switch()
    tab.click("button")
    tab.wait_for_text("later", skew.old.sha)
    tab.wait_for_text("clicks", "1")
    assert tab.wait_until_idle() == []


def test_a_link_prefetched_before_a_switch_works_without_a_request(skew: Skew) -> None:
    """D3: the link and the back button show pages of the old release, without a full page load."""
    tab = skew.tab
    tab.open("/browser")
    tab.evaluate(f"{FULL_LOAD} = false")
    tab.wait_for_request("/posts/first", is_page_prefetch)
    tab.wait_until_idle()
    skew.switch()
    tab.follow_link("/posts/first")
    tab.wait_for_text("title", "The first post")
    assert tab.read_text("commit") == skew.old.sha
    tab.evaluate("history.back()")
    tab.wait_for_text("script", skew.old.sha)
    assert tab.evaluate(FULL_LOAD) is False
    assert tab.wait_until_idle() == []


@pytest.mark.parametrize(
    ("page", "path", "testid"),
    [("/", "/posts/third", "title"), ("/", "/isr/time", "rendered-at"), ("/browser", "/stream", "slow")],
    ids=["to a page rendered on demand", "to a revalidated page", "to a streamed page"],
)
def test_a_link_that_was_not_prefetched_loads_the_new_release_after_a_switch(
    skew: Skew, page: str, path: str, testid: str
) -> None:
    """D3: Next.js detects that another build answered its data request. Then it loads the full page."""
    tab = skew.tab
    tab.open(page)
    tab.evaluate(f"{FULL_LOAD} = false")
    skew.switch()
    tab.follow_link(path)
    tab.wait_for_text("commit", skew.new.sha)
    assert tab.read_text(testid)
    assert tab.evaluate(f"typeof {FULL_LOAD}") == "undefined"
    assert tab.wait_until_idle() == []


def test_a_form_of_an_open_page_works_after_a_switch(skew: Skew) -> None:
    """D3: the script of the old release sends the request, and the new release answers it."""
    tab = skew.tab
    tab.open("/action")
    tab.wait_for_text("commit", skew.old.sha)
    tab.type("input[name=name]", "Ada")
    skew.switch()
    tab.click("form button")
    tab.wait_for_text("message", f"Hello, Ada, from {skew.new.sha}")
    tab.wait_for_text("visitor", "Ada")
    assert tab.wait_until_idle() == []


def test_a_page_reloaded_after_a_switch_contains_only_the_new_release(skew: Skew) -> None:
    """D3: the browser has files of the old release in its cache, but does not use them."""
    tab = skew.tab
    tab.open("/browser")
    tab.click("button")
    tab.wait_for_text("later", skew.old.sha)
    skew.switch()
    tab.reload()
    tab.click("button")
    tab.wait_for_text("later", skew.new.sha)
    assert tab.read_text("commit") == tab.read_text("page") == tab.read_text("script") == skew.new.sha
    tab.open("/")
    tab.wait_for_text("release-check", "same release")
    assert tab.wait_until_idle() == []
