"""A tab of a real browser, as a visitor has it: pages, clicks, and what goes wrong meanwhile."""

import json
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define, field, frozen

from tests.e2e.devtools import DevTools, DevToolsError, Json

SOON: Final = 15.0  # seconds within which something must be seen
_POLL: Final = 0.05


@frozen(kw_only=True)
class Request:
    """A request of the tab.

    Attributes:
        number: DevTools' own.
        page: DevTools' number of the page that asked.
        url: Where to.
        headers: As the page set them, names in lower case.
    """

    number: str
    page: str
    url: str
    headers: dict[str, str]


@define(eq=False)
class Tab:
    """A tab, with cookies and a cache of its own, at a site.

    Attributes:
        url: The site's.
        requests: What it asked for so far.
        problems: What a developer would see in red: errors and warnings of the console, exceptions that
            nobody caught, requests that failed or were answered 400 and above.
    """

    url: str
    _tools: DevTools
    _session: str
    requests: list[Request] = field(factory=list[Request])
    problems: list[str] = field(factory=list[str])
    _loads: int = 0
    _page: str = ""
    _urls: dict[str, str] = field(factory=dict[str, str])
    _ended: set[str] = field(factory=set[str])

    @classmethod
    def at(cls, url: str, tools: DevTools) -> "Tab":
        """Open a tab for a visitor who has never been here."""
        context = tools.call("Target.createBrowserContext")["browserContextId"]
        target = tools.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = tools.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = cls(url, tools, session)
        tools.listen(session, tab._note)
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab._call(f"{domain}.enable")
        return tab

    def open(self, path: str) -> None:
        """Type an address, and wait until the page has been loaded with all that belongs to it."""
        loads = self._loads
        answer = self._call("Page.navigate", url=self.url + path)
        assert "errorText" not in answer, answer
        self._loaded(loads)

    def before_every_page(self, script: str) -> None:
        """Run a script in every page from now on, before its own."""
        self._call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def reload(self) -> None:
        loads = self._loads
        self._call("Page.reload")
        self._loaded(loads)

    def value(self, expression: str) -> Any:  # noqa: ANN401 - whatever the page says
        """What an expression is in the page; of a promise, what it becomes."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise DevToolsError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:  # noqa: ANN401 - whatever the page says
        """Wait until an expression is true in the page, whichever page that is by then, and return it."""
        deadline = time.monotonic() + SOON
        said: Any = None
        while time.monotonic() < deadline:
            try:
                if said := self.value(expression):
                    return said
            except DevToolsError as error:  # such as a page that is being left
                said = error
            time.sleep(_POLL)
        page = self.value("location.href + ' ' + document.body.innerText")
        raise AssertionError(f"{expression} stayed {said!r} on {page!r}; problems: {self.problems}")

    def text(self, testid: str) -> str:
        """The text of the element with this `data-testid`, when it is there."""
        return str(self.until(f"document.querySelector('[data-testid={testid}]')?.textContent"))

    def shows(self, testid: str, text: str) -> None:
        """Wait until the element with this `data-testid` says so."""
        self.until(f"document.querySelector('[data-testid={testid}]')?.textContent === {json.dumps(text)}")

    def click(self, selector: str) -> None:
        """Click with the mouse on an element, once React has taken it over."""
        found = f"document.querySelector({json.dumps(selector)})"
        self.until(f"Object.keys({found} ?? {{}}).some(key => key.startsWith('__reactProps'))")
        self.value(f"{found}.scrollIntoView({{block: 'center'}})")
        box = self.value(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({found}.getClientRects()[0])"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Click on a field and type."""
        self.click(selector)
        self._call("Input.insertText", text=text)

    def follow(self, href: str) -> None:
        """Click on the link to a path, and wait until the address says so."""
        self.click(f'a[href="{href}"]')
        self.until(f"location.pathname === {json.dumps(href)}")

    def requested(self, path: str, which: Callable[[Request], bool]) -> Request:
        """Wait until the tab has had an answer to such a request for a path, and return the request."""
        deadline = time.monotonic() + SOON
        while time.monotonic() < deadline:
            for request in list(self.requests):
                if urlsplit(request.url).path == path and which(request) and request.number in self._ended:
                    return request
            time.sleep(_POLL)
        raise AssertionError(f"no such request: {self.requests}; problems: {self.problems}")

    def settled(self) -> list[str]:
        """Wait until the page waits for nothing any more, and return all problems so far.

        Of requests by pages that were left nothing more is heard.
        """
        deadline = time.monotonic() + SOON
        while waiting := [each.url for each in list(self.requests) if self._waits_for(each)]:
            assert time.monotonic() < deadline, f"not answered: {waiting}; problems: {self.problems}"
            time.sleep(_POLL)
        self.value("new Promise(resolve => setTimeout(resolve, 100))")
        return self.problems

    def _waits_for(self, request: Request) -> bool:
        return request.page == self._page and request.number not in self._ended

    def _loaded(self, before: int) -> None:
        deadline = time.monotonic() + SOON
        while self._loads == before:
            assert time.monotonic() < deadline, f"the page was never loaded; problems: {self.problems}"
            time.sleep(_POLL)

    def _call(self, method: str, **params: object) -> Json:
        return self._tools.call(method, self._session, **params)

    def _note(self, event: str, content: Json) -> None:
        match event:
            case "Page.loadEventFired":
                self._loads += 1
            case "Page.frameNavigated" if "parentId" not in content["frame"]:
                self._page = content["frame"]["loaderId"]
            case "Network.requestWillBeSent":
                sent = content["request"]
                self._urls[content["requestId"]] = f"{sent['method']} {sent['url']}"
                headers = {name.lower(): value for name, value in sent["headers"].items()}
                self.requests.append(
                    Request(
                        number=content["requestId"],
                        page=content["loaderId"],
                        url=sent["url"],
                        headers=headers,
                    )
                )
            case "Network.loadingFinished" | "Network.loadingFailed":
                self._ended.add(content["requestId"])
            case _:
                pass
        if problem := self._problem(event, content):
            self.problems.append(problem)

    def _problem(self, event: str, content: Json) -> str | None:
        match event:
            case "Network.responseReceived" if content["response"]["status"] >= 400:
                request = self._urls.get(content["requestId"], content["response"]["url"])
                return f"{request} was answered {content['response']['status']}"
            case "Network.loadingFailed" if not content.get("canceled"):  # as by leaving a page
                return f"{self._urls.get(content['requestId'], 'a request')} failed: {content['errorText']}"
            case "Runtime.exceptionThrown":
                details = content["exceptionDetails"]
                return f"uncaught: {details.get('exception', details).get('description', details)}"
            case "Runtime.consoleAPICalled" if content["type"] in ("error", "warning", "assert"):
                said = " ".join(str(each.get("value", each.get("description"))) for each in content["args"])
                return f"console.{content['type']}: {said}"
            case "Log.entryAdded" if content["entry"]["level"] in ("error", "warning"):
                return f"{content['entry']['level']}: {content['entry']['text']}"
            case _:
                return None
