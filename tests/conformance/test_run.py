"""Cases that run against two small servers: cookies, placeholders, forms, repetitions and progress."""

import http.server
import json
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import pytest

from tests.conformance.harness.cases import Case, Session, Step
from tests.conformance.harness.comparing.comparison import Difference
from tests.conformance.harness.exchange import Request, Server, send
from tests.conformance.harness.run import CaseResult, run_cases

STREAMING = Difference(part="streaming", expected="0.9 s", actual="0.0 s")
Handle = Callable[[http.server.BaseHTTPRequestHandler, bytes], tuple[int, dict[str, str], bytes]]


@contextmanager
def serve(handle: Handle) -> Generator[Server]:
    """Serve answers on a free port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status, headers, content = handle(self, body)
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Server(address=("127.0.0.1", server.server_port), host="site.localhost:80")
        finally:
            server.shutdown()
            thread.join()


def show_request(
    handler: http.server.BaseHTTPRequestHandler, body: bytes
) -> tuple[int, dict[str, str], bytes]:
    shown = {
        "target": handler.path,
        "host": handler.headers["host"],
        "cookie": handler.headers.get("cookie"),
        "origin": handler.headers.get("origin"),
        "type": handler.headers.get("content-type"),
        "body": body.decode(),
    }
    headers = {"etag": '"abc"', "set-cookie": f"seen={handler.path.strip('/')}; Path=/"}
    return 200, headers, json.dumps(shown).encode()


@pytest.fixture
def session() -> Iterator[Session]:
    with serve(show_request) as server:
        yield Session(server)


def read(session: Session, step: Step) -> dict[str, str]:
    return json.loads(session.send(step).body)


def test_a_request_has_the_host_of_the_site_and_its_exact_target(session: Session) -> None:
    shown = read(session, Step(target="/a%2Fb//c?x=%26&y"))
    assert (shown["host"], shown["target"]) == ("site.localhost:80", "/a%2Fb//c?x=%26&y")


def test_cookies_of_earlier_answers_are_sent(session: Session) -> None:
    assert read(session, Step(target="/one"))["cookie"] is None
    assert read(session, Step(target="/two", headers={"cookie": "own=1"}))["cookie"] == "own=1; seen=one"


def test_placeholders_take_values_of_the_previous_answer(session: Session) -> None:
    session.send(Step(target="/first"))
    step = Step(target='/{match:"target": "/([a-z]+)"}', headers={"cookie": "tag={header:etag}"})
    shown = read(session, step)
    assert shown["target"] == "/first"
    assert shown["cookie"] == 'tag="abc"; seen=first'
    assert read(session, Step(headers={"origin": "{origin}"}))["origin"] == "http://site.localhost:80"


def test_a_form_has_fields_and_files(session: Session) -> None:
    shown = read(session, Step(method="POST", form={"name": "Ada", "file": "file:a.txt|text/plain|content"}))
    assert shown["type"] == "multipart/form-data; boundary=----conformance"
    assert 'name="name"\r\n\r\nAda' in shown["body"]
    assert 'name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ncontent' in shown["body"]


def test_a_server_that_does_not_answer_is_a_result() -> None:
    with serve(show_request) as server:
        stopped = server
    answer = send(stopped, Request(method="GET", target="/", headers={}))
    assert answer.status == 0
    assert b"refused" in answer.body


def make_text_server(*texts: str) -> Handle:
    """Return a handler that answers with one text after the other, and then with the last one again."""
    left = list(texts)

    def handle(*_: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, (left.pop(0) if len(left) > 1 else left[0]).encode()

    return handle


def run(case: Case, expected: Handle, actual: Handle) -> CaseResult:
    with serve(expected) as one, serve(actual) as other:
        (result,) = run_cases([case], (one, other), volatile=(), show=lambda _: None)
    return result


def test_each_step_of_a_case_is_compared() -> None:
    case = Case(name="two steps", steps=(Step(target="/a"), Step(target="/b")))
    result = run(case, make_text_server("same", "one"), make_text_server("same", "other"))
    assert [[found.part for found in step.differences] for step in result.steps] == [[], ["body"]]
    assert not result.is_same


def test_a_page_that_gets_stale_between_two_answers_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("tests.conformance.harness.run.pause", waited.append)
    case = Case(name="timed", steps=(Step(),), is_timed=True)
    assert run(case, make_text_server("old", "new"), make_text_server("new")).is_same
    assert not run(case, make_text_server("old"), make_text_server("new")).is_same
    assert any(waited)


def test_a_difference_in_time_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.conformance.harness.run.pause", lambda _: None)
    parts = iter([[STREAMING], [STREAMING], [], *[[STREAMING]] * 6])
    monkeypatch.setattr("tests.conformance.harness.run.compare", lambda *_, **__: next(parts))
    case = Case(name="streamed", steps=(Step(),))
    assert run(case, make_text_server(""), make_text_server("")).is_same
    assert not run(case, make_text_server(""), make_text_server("")).is_same


def test_a_case_that_does_not_depend_on_time_is_asked_once() -> None:
    case = Case(name="once", steps=(Step(),))
    assert not run(case, make_text_server("old", "new"), make_text_server("new")).is_same
