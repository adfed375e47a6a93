"""A tab of a real browser. It opens pages, clicks, types, and records problems."""

import json
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define, field, frozen

from tests.e2e.devtools import DevTools, DevToolsError, Json

TIMEOUT: Final = 15.0  # seconds
_POLL: Final = 0.05


@frozen(kw_only=True)
class Request:
    """A request of the tab.

    Attributes:
        number: The request id of DevTools.
        page: The loader id of DevTools, which identifies the page that sent the request.
        url: The URL.
        headers: The headers that the page set, with names in lower case.
    """

    number: str
    page: str
    url: str
    headers: dict[str, str]


@define(eq=False)
class Tab:
    """A tab with its own cookies and cache.

    Attributes:
        url: The URL of the site.
        requests: All requests that the tab has sent.
        problems: Errors and warnings of the console, uncaught exceptions, failed requests and responses with
            a status of 400 or above.
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
    def open_at(cls, url: str, tools: DevTools) -> "Tab":
        """Open a tab with an empty cache and no cookies."""
        context = tools.call("Target.createBrowserContext")["browserContextId"]
        target = tools.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = tools.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = cls(url, tools, session)
        tools.listen(session, tab._handle_event)
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab._call(f"{domain}.enable")
        return tab

    def open(self, path: str) -> None:
        """Navigate to a path and wait for the load event of the page."""
        loads = self._loads
        answer = self._call("Page.navigate", url=self.url + path)
        assert "errorText" not in answer, answer
        self._wait_for_load(loads)

    def run_before_every_page(self, script: str) -> None:
        """Run a script in every page that the tab loads from now on, before the page's own scripts."""
        self._call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def reload(self) -> None:
        loads = self._loads
        self._call("Page.reload")
        self._wait_for_load(loads)

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the value of an expression in the page. If the value is a promise, wait for its result."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise DevToolsError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_until(self, expression: str) -> Any:  # noqa: ANN401 - any JSON
        """Wait until an expression is true in the current page, and return its value."""
        deadline = time.monotonic() + TIMEOUT
        last: Any = None
        while time.monotonic() < deadline:
            try:
                if last := self.evaluate(expression):
                    return last
            except DevToolsError as error:  # for example during navigation
                last = error
            time.sleep(_POLL)
        page = self.evaluate("location.href + ' ' + document.body.innerText")
        raise AssertionError(f"{expression} stayed {last!r} on {page!r}; problems: {self.problems}")

    def read_text(self, testid: str) -> str:
        """Wait for the element with this `data-testid`, and return its text."""
        return str(self.wait_until(f"document.querySelector('[data-testid={testid}]')?.textContent"))

    def wait_for_text(self, testid: str, text: str) -> None:
        """Wait until the text of the element with this `data-testid` equals `text`."""
        self.wait_until(
            f"document.querySelector('[data-testid={testid}]')?.textContent === {json.dumps(text)}"
        )

    def click(self, selector: str) -> None:
        """Wait until React has hydrated the element, and click on it with the mouse."""
        found = f"document.querySelector({json.dumps(selector)})"
        self.wait_until(f"Object.keys({found} ?? {{}}).some(key => key.startsWith('__reactProps'))")
        self.evaluate(f"{found}.scrollIntoView({{block: 'center'}})")
        box = self.evaluate(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({found}.getClientRects()[0])"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Click on a field and type a text."""
        self.click(selector)
        self._call("Input.insertText", text=text)

    def follow_link(self, href: str) -> None:
        """Click on the link to a path, and wait until the location has this path."""
        self.click(f'a[href="{href}"]')
        self.wait_until(f"location.pathname === {json.dumps(href)}")

    def wait_for_request(self, path: str, matches: Callable[[Request], bool]) -> Request:
        """Wait until a matching request for a path is answered, and return the request."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            for request in list(self.requests):
                if urlsplit(request.url).path == path and matches(request) and request.number in self._ended:
                    return request
            time.sleep(_POLL)
        raise AssertionError(f"no such request: {self.requests}; problems: {self.problems}")

    def wait_until_idle(self) -> list[str]:
        """Wait until all requests of the current page are answered, and return all recorded problems.

        Requests of earlier pages are ignored, because DevTools sends no more events about them.
        """
        deadline = time.monotonic() + TIMEOUT
        while waiting := [each.url for each in list(self.requests) if self._is_pending(each)]:
            assert time.monotonic() < deadline, f"not answered: {waiting}; problems: {self.problems}"
            time.sleep(_POLL)
        self.evaluate("new Promise(resolve => setTimeout(resolve, 100))")
        return self.problems

    def _is_pending(self, request: Request) -> bool:
        return request.page == self._page and request.number not in self._ended

    def _wait_for_load(self, loads_before: int) -> None:
        deadline = time.monotonic() + TIMEOUT
        while self._loads == loads_before:
            assert time.monotonic() < deadline, f"the page was never loaded; problems: {self.problems}"
            time.sleep(_POLL)

    def _call(self, method: str, **params: object) -> Json:
        return self._tools.call(method, self._session, **params)

    def _handle_event(self, event: str, content: Json) -> None:
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
        if problem := self._describe_problem(event, content):
            self.problems.append(problem)

    def _describe_problem(self, event: str, content: Json) -> str | None:
        match event:
            case "Network.responseReceived" if content["response"]["status"] >= 400:
                request = self._urls.get(content["requestId"], content["response"]["url"])
                return f"{request} was answered {content['response']['status']}"
            # The browser cancels requests when the tab leaves a page. A cancelled request is not a problem.
            case "Network.loadingFailed" if not content.get("canceled"):
                return f"{self._urls.get(content['requestId'], 'a request')} failed: {content['errorText']}"
            case "Runtime.exceptionThrown":
                details = content["exceptionDetails"]
                return f"uncaught: {details.get('exception', details).get('description', details)}"
            case "Runtime.consoleAPICalled" if content["type"] in ("error", "warning", "assert"):
                last = " ".join(str(each.get("value", each.get("description"))) for each in content["args"])
                return f"console.{content['type']}: {last}"
            case "Log.entryAdded" if content["entry"]["level"] in ("error", "warning"):
                return f"{content['entry']['level']}: {content['entry']['text']}"
            case _:
                return None
