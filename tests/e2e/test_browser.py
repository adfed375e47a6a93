"""D3, D7: what a person has of a release, in a tab of a real browser, also of one opened before a switch.

Each test is a visitor who has never been there, and ends by looking at what a developer would see in red:
errors and warnings of the console, exceptions, requests that failed.
"""

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from attrs import frozen

from local.cloud import Cloud
from local.demo.demo import PushedProject, push
from local.progress import Progress
from tests.e2e import devtools
from tests.e2e.chromium import chromium
from tests.e2e.tab import Request, Tab

ROOT = Path(__file__).parents[2]
FULL_LOAD = "window.loadedAnew"  # undefined in a page that was loaded after it was set

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[[str], Tab]]:
    """Open a tab at a site's address, in a browser that all tests share."""
    profile = tmp_path_factory.mktemp("profile")
    with devtools.running(chromium(ROOT / ".anchor"), profile) as tools:
        yield lambda url: Tab.at(url, tools)


@pytest.fixture(scope="module")
def next_push(cloud: Cloud, first: PushedProject) -> PushedProject:
    """The site's second push, live."""
    first.repository.commit({"public/second.txt": "the second release\n"}, "Add a file")
    return push(cloud, first, "Add a file", Progress())


@pytest.fixture
def tab(first: PushedProject, visit: Callable[[str], Tab]) -> Tab:
    """A tab at the first release's own address, which no switch changes."""
    return visit(first.deployment["url"])


@frozen(kw_only=True)
class Skew:
    """A site with two releases.

    Attributes:
        old: The release that is live when a test begins.
        new: The one that `switch` makes live.
        tab: A tab at the site's address.
    """

    old: PushedProject
    new: PushedProject
    tab: Tab

    def switch(self) -> None:
        self.new.client.promote(self.new.deployment["deploymentId"])


@pytest.fixture(params=["on to the second", "back to the first"])
def skew(
    request: pytest.FixtureRequest,
    first: PushedProject,
    next_push: PushedProject,
    visit: Callable[[str], Tab],
) -> Skew:
    old, new = (first, next_push) if request.param == "on to the second" else (next_push, first)
    live = first.client.call("GET", f"/projects/{first.project['projectId']}")["live"]["deploymentId"]
    if live != old.deployment["deploymentId"]:
        first.client.promote(old.deployment["deploymentId"])
    return Skew(old=old, new=new, tab=visit(first.project["url"]))


def of_a_page(request: Request) -> bool:
    """Whether it asks for a page's own segment ahead of the click."""
    return request.headers.get("next-router-segment-prefetch", "").endswith("/__PAGE__")


def test_a_page_comes_to_life(first: PushedProject, tab: Tab) -> None:
    """D7: scripts load, React takes over what the server rendered, and a script comes when it is wanted."""
    tab.open("/browser")
    assert tab.text("commit") == tab.text("page") == tab.text("script") == first.sha
    tab.click("button")
    tab.shows("clicks", "1")
    tab.shows("later", first.sha)
    tab.click("button")
    tab.shows("clicks", "2")
    assert tab.settled() == []


def test_nothing_that_goes_wrong_in_a_page_is_missed(tab: Tab) -> None:
    """What the other tests find nothing of."""
    tab.open("/browser")
    tab.value("setTimeout(() => { console.error('said'); throw new Error('thrown') })")
    tab.value("fetch('/no/such/page').then(answer => answer.text())")
    tab.value("fetch('http://localhost:1/').catch(() => 'refused')")
    found = "\n".join(tab.settled())
    for problem in (
        "console.error: said",
        "uncaught: Error: thrown",
        "/no/such/page was answered 404",
        "localhost:1/ failed: net::ERR_",
    ):
        assert problem in found


def test_a_page_its_script_and_its_api_are_of_one_release(tab: Tab) -> None:
    """D3: as the browser sees them."""
    tab.open("/")
    tab.shows("release-check", "same release")
    assert tab.settled() == []


def test_a_link_in_sight_is_fetched_before_it_is_clicked(tab: Tab) -> None:
    """D7: a prerendered page comes whole, segment by segment, so that the click asks for nothing."""
    tab.open("/browser")
    tab.requested("/posts/first", of_a_page)
    tab.settled()
    before = len(tab.requests)
    tab.follow("/posts/first")
    tab.shows("title", "The first post")
    assert [one.url for one in tab.requests[before:] if "/posts/first" in one.url] == []
    assert tab.settled() == []


@pytest.mark.parametrize(
    ("path", "title"), [("/posts/first", "The first post"), ("/posts/third", "The third post")]
)
def test_a_link_leads_on_and_back_without_loading_a_page_anew(tab: Tab, path: str, title: str) -> None:
    """D7: prerendered or rendered when it is asked for."""
    tab.open("/browser")
    tab.value(f"{FULL_LOAD} = false")
    tab.follow(path)
    tab.shows("title", title)
    tab.value("history.back()")
    tab.shows("clicks", "0")
    assert tab.value("location.pathname") == "/browser"
    assert tab.value(FULL_LOAD) is False
    assert tab.settled() == []


def test_a_form_is_sent_and_answered_without_loading_a_page_anew(first: PushedProject, tab: Tab) -> None:
    """D7: a server action as React sends it, its redirect, and its cookie."""
    tab.open("/action")
    tab.value(f"{FULL_LOAD} = false")
    tab.type("input[name=name]", "Ada")
    tab.click("form button")
    tab.shows("message", f"Hello, Ada, from {first.sha}")
    tab.shows("visitor", "Ada")
    assert tab.value(FULL_LOAD) is False
    assert tab.settled() == []


def test_an_image_comes_as_wide_as_the_window_asks(tab: Tab) -> None:
    """D7: of the widths that the page offers, the next to the window's 800 pixels, decoded."""
    tab.open("/image")
    chosen, width, height = tab.value(
        "(async () => { const shown = document.querySelector('main img'); await shown.decode();"
        " const alone = new Image(); alone.src = shown.currentSrc; await alone.decode();"
        " return [shown.currentSrc, alone.naturalWidth, alone.naturalHeight] })()"
    )
    assert chosen.endswith("/_next/image?url=%2Fphoto.jpg&w=828&q=75")
    assert (width, height) == (828, 552)
    assert tab.settled() == []


def test_a_streamed_page_shows_what_it_has_before_the_rest(tab: Tab) -> None:
    """D7: the fallback of a slow part is on the screen long before that."""
    tab.before_every_page(
        "const first = window.first = {}; new MutationObserver(() => { for (const id of ['waiting', 'slow'])"
        " if (document.querySelector(`[data-testid=${id}]`)) first[id] ??= performance.now() })"
        ".observe(document, {childList: true, subtree: true})"
    )
    tab.open("/stream")
    tab.text("slow")
    tab.until("!document.querySelector('[data-testid=waiting]')")
    assert tab.value("first.slow - first.waiting") > 1000
    assert tab.settled() == []


@pytest.mark.parametrize(
    ("path", "testid", "text", "address"),
    [
        ("/old-home", "release-check", "same release", "/"),
        ("/rewritten", "title", "The first post", "/rewritten"),
        ("/legacy/second", "title", "The second post", "/posts/second"),
    ],
    ids=["redirected by the middleware", "rewritten by the middleware", "redirected by the configuration"],
)
def test_a_visitor_is_led_where_the_site_says(
    tab: Tab, path: str, testid: str, text: str, address: str
) -> None:
    """D7: and the address says so, or does not."""
    tab.open(path)
    tab.shows(testid, text)
    assert tab.value("location.pathname") == address
    assert tab.settled() == []


def test_draft_mode_is_one_visitors_cookie(
    first: PushedProject, tab: Tab, visit: Callable[[str], Tab]
) -> None:
    """D7: kept by a browser, whose rules for cookies are stricter than a script's."""
    tab.open("/draft")
    tab.shows("draft", "off")
    assert tab.value("fetch('/api/draft?enable=1', {method: 'POST'}).then(answer => answer.json())") == {
        "draft": True
    }
    tab.reload()
    tab.shows("draft", "on")
    other = visit(first.deployment["url"])
    other.open("/draft")
    other.shows("draft", "off")
    assert tab.settled() == other.settled() == []


def test_an_open_page_loads_its_own_scripts_after_a_switch(skew: Skew) -> None:
    """D3: a script that is first wanted then, and of which the live release has another version."""
    tab = skew.tab
    tab.open("/browser")
    tab.shows("script", skew.old.sha)
    skew.switch()
    tab.click("button")
    tab.shows("later", skew.old.sha)
    tab.shows("clicks", "1")
    assert tab.settled() == []


def test_a_link_that_was_fetched_before_a_switch_leads_on_without_a_request(skew: Skew) -> None:
    """D3: a page of the old release, in the tab of the old release, and back."""
    tab = skew.tab
    tab.open("/browser")
    tab.value(f"{FULL_LOAD} = false")
    tab.requested("/posts/first", of_a_page)
    tab.settled()
    skew.switch()
    tab.follow("/posts/first")
    tab.shows("title", "The first post")
    assert tab.text("commit") == skew.old.sha
    tab.value("history.back()")
    tab.shows("script", skew.old.sha)
    assert tab.value(FULL_LOAD) is False
    assert tab.settled() == []


@pytest.mark.parametrize(
    ("page", "path", "testid"),
    [("/", "/posts/third", "title"), ("/", "/isr/time", "rendered-at"), ("/browser", "/stream", "slow")],
    ids=["to a page made on demand", "to a page made again", "to a streamed page"],
)
def test_any_other_link_of_an_open_page_loads_the_new_release_after_a_switch(
    skew: Skew, page: str, path: str, testid: str
) -> None:
    """D3: Next.js sees that another build answers its request for data, and loads the page itself."""
    tab = skew.tab
    tab.open(page)
    tab.value(f"{FULL_LOAD} = false")
    skew.switch()
    tab.follow(path)
    tab.shows("commit", skew.new.sha)
    assert tab.text(testid)
    assert tab.value(f"typeof {FULL_LOAD}") == "undefined"
    assert tab.settled() == []


def test_a_form_of_an_open_page_is_answered_after_a_switch(skew: Skew) -> None:
    """D3: by the new release, to the script of the old one."""
    tab = skew.tab
    tab.open("/action")
    tab.shows("commit", skew.old.sha)
    tab.type("input[name=name]", "Ada")
    skew.switch()
    tab.click("form button")
    tab.shows("message", f"Hello, Ada, from {skew.new.sha}")
    tab.shows("visitor", "Ada")
    assert tab.settled() == []


def test_a_page_that_is_loaded_again_after_a_switch_is_the_new_releases_alone(skew: Skew) -> None:
    """D3: with whatever the browser has kept of the old one."""
    tab = skew.tab
    tab.open("/browser")
    tab.click("button")
    tab.shows("later", skew.old.sha)
    skew.switch()
    tab.reload()
    tab.click("button")
    tab.shows("later", skew.new.sha)
    assert tab.text("commit") == tab.text("page") == tab.text("script") == skew.new.sha
    tab.open("/")
    tab.shows("release-check", "same release")
    assert tab.settled() == []
