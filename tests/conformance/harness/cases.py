"""Cases: steps of requests that are sent to both servers, with cookies and values of earlier answers."""

import base64
import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from attrs import define, evolve, field, frozen

from tests.conformance.harness.exchange import Answer, Request, Server, send


@frozen(kw_only=True)
class Step:
    """One request of a case.

    The target, the values of headers and the body can contain placeholders: `{origin}` is the origin of the
    site, `{header:etag}` the value of a header of the previous answer, and `{match:name="([^"]*)"}` the first
    group of a regular expression in its body.

    Attributes:
        wait: Seconds before the request.
        form: Fields of a `multipart/form-data` body. A value that begins with `file:` is the name, type and
            content of a file, separated by `|`.
    """

    method: str = "GET"
    target: str = "/"
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: bytes | None = None
    form: Mapping[str, str] | None = None
    wait: float = 0.0


@frozen(kw_only=True)
class Case:
    """Steps in order. Each server has its own cookies.

    Attributes:
        name: The name in the report. Each case of a site has another name.
        feature: The feature of Next.js that the case shows.
        is_timed: Whether an answer can change with time. Such a case is repeated if there is a difference.
    """

    name: str
    steps: tuple[Step, ...]
    feature: str = ""
    is_timed: bool = False


@define
class Session:
    """One server's cookies and previous answer during a case."""

    server: Server
    cookies: dict[str, str] = field(factory=dict[str, str], init=False)
    previous: Answer | None = field(default=None, init=False)

    def send(self, step: Step) -> Answer:
        """Send the request of a step."""
        target = self._fill(step.target)
        if target.startswith(("http://", "https://")):
            parts = urlsplit(target)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {name: self._fill(value) for name, value in step.headers.items()}
        body = None if step.body is None else self._fill_body(step.body)
        if step.form is not None:
            boundary = "----conformance"
            headers["content-type"] = f"multipart/form-data; boundary={boundary}"
            body = _encode_form(
                {self._fill(key): self._fill(each) for key, each in step.form.items()}, boundary
            )
        if self.cookies:
            own = headers.get("cookie", "")
            jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            headers["cookie"] = f"{own}; {jar}" if own else jar
        answer = send(self.server, Request(method=step.method, target=target, headers=headers, body=body))
        for name, value in answer.headers:
            if name == "set-cookie":
                self._store(value)
        self.previous = answer
        return answer

    def _store(self, value: str) -> None:
        name, _, text = value.partition(";")[0].partition("=")
        if re.search(r"max-age=0\b|expires=Thu, 01 Jan 1970", value, re.IGNORECASE):
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = text

    def _fill_body(self, body: bytes) -> bytes:
        return self._fill(body.decode()).encode() if b"{header:" in body or b"{match:" in body else body

    def _fill(self, text: str) -> str:
        text = text.replace("{origin}", f"http://{self.server.host}")
        previous = self.previous
        if previous is None or "{" not in text:
            return text
        text = re.sub(r"\{header:([a-z-]+)\}", lambda found: previous.get(found[1]), text)

        def find(found: re.Match[str]) -> str:
            got = re.search(found[1], previous.body.decode(errors="replace"))
            return got[1] if got else "no-match"

        return re.sub(r"\{match:(.+?)\}$", find, text)


def _encode_form(fields: Mapping[str, str], boundary: str) -> bytes:
    lines: list[str] = []
    for name, value in fields.items():
        if value.startswith("file:"):
            file, kind, content = value.removeprefix("file:").split("|", 2)
            lines += [
                f"--{boundary}",
                f'Content-Disposition: form-data; name="{name}"; filename="{file}"',
                f"Content-Type: {kind}",
                "",
                content,
            ]
        else:
            lines += [f"--{boundary}", f'Content-Disposition: form-data; name="{name}"', "", value]
    return "\r\n".join([*lines, f"--{boundary}--", ""]).encode()


def compute_rsc_query(headers: Mapping[str, str]) -> str:
    """Return the value of `_rsc` that Next.js requires for the headers of a request.

    Next.js 16 computes a longer value, and it accepts this one, which Next.js 15 computes.
    """
    names = ("next-router-prefetch", "next-router-segment-prefetch", "next-router-state-tree", "next-url")
    if not any(name in headers for name in names):
        return ""
    number = 5381
    for character in ",".join(headers.get(name, "0") for name in names):
        number = (number * 33 + ord(character)) & 0xFFFFFFFF
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text[:5]


def pause(seconds: float) -> None:
    """Wait before a step, for example until a page is stale."""
    if seconds:
        time.sleep(seconds)


def parse_cases(documents: Iterable[Mapping[str, Any]]) -> list[Case]:
    """Return the cases of `requests.json`.

    A case has `steps`, or it is itself one step. A step has `path`, and optionally `method`, `headers`,
    `body` (a text, or an object that is sent as JSON), `base64`, `repeat_body` (the number of times that
    `body` is repeated), `form`, `wait` (seconds) and `repeat` (how often the request is sent). In `path`,
    `{rsc}` is the query that Next.js requires for the React Server Component headers of the step.
    """
    return [_parse_case(document) for document in documents]


def _parse_case(document: Mapping[str, Any]) -> Case:
    found = cast("list[Mapping[str, Any]]", document.get("steps", [document]))
    steps: list[Step] = []
    for each in found:
        step = _parse_step(each)
        steps += [step, *([evolve(step, wait=0.0)] * (int(each.get("repeat", 1)) - 1))]
    name = str(document.get("name") or " then ".join(f"{step.method} {step.target}" for step in steps))
    is_timed = any(step.wait for step in steps)
    return Case(name=name, steps=tuple(steps), feature=str(document.get("feature", "")), is_timed=is_timed)


def _parse_step(document: Mapping[str, Any]) -> Step:
    body = document.get("body")
    headers = {str(name).lower(): str(value) for name, value in document.get("headers", {}).items()}
    content: bytes | None = None
    if isinstance(body, str):
        content = body.encode() * int(document.get("repeat_body", 1))
    elif body is not None:
        content = json.dumps(body).encode()
        headers.setdefault("content-type", "application/json")
    if "base64" in document:
        content = base64.b64decode(document["base64"])
    return Step(
        method=str(document.get("method", "GET")),
        target=str(document["path"]).replace("{rsc}", f"_rsc={compute_rsc_query(headers)}"),
        headers=headers,
        body=content,
        form=document.get("form"),
        wait=float(document.get("wait", 0)),
    )
