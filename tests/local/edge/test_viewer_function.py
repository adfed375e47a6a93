"""How a CloudFront Function is run here: its event, its changes, what it may not do (L1)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from local.edge.http_messages import Headers
from local.edge.viewer_function import EdgeFunction, EdgeFunctionError, Forward, Generated, ViewerRequest


@contextmanager
def function(body: str, items: dict[str, str] | None = None) -> Iterator[EdgeFunction]:
    code = f"import cf from 'cloudfront';\nasync function handler(event) {{ {body} }}"
    loaded = EdgeFunction.load(code, lambda: ("1", items or {}))
    yield loaded
    loaded.close()


def request(headers: Headers | None = None, query_string: str = "") -> ViewerRequest:
    return ViewerRequest(
        method="GET",
        uri="/a",
        query_string=query_string,
        headers=[("host", "shop.example.com"), *(headers or [])],
        viewer_ip="198.51.100.7",
    )


def seen(sent: ViewerRequest) -> Any:  # noqa: ANN401 - JSON
    with function("return { statusCode: 200, body: JSON.stringify(event) };") as loaded:
        outcome = loaded.run(sent)
        assert isinstance(outcome, Generated)
        return json.loads(outcome.body)


def test_the_event_has_cloudfronts_structure() -> None:
    headers = [("x-one", "1"), ("x-many", "a"), ("x-many", "b"), ("cookie", "a=1; b=x=y"), ("cookie", "a=2")]
    event = seen(request(headers, query_string="q=1&q=2&empty&e%20=%2F"))
    assert (event["version"], event["context"]["eventType"]) == ("1.0", "viewer-request")
    assert event["viewer"] == {"ip": "198.51.100.7"}
    sent = event["request"]
    assert (sent["method"], sent["uri"]) == ("GET", "/a")
    assert sent["headers"] == {
        "host": {"value": "shop.example.com"},
        "x-one": {"value": "1"},
        "x-many": {"value": "b", "multiValue": [{"value": "a"}, {"value": "b"}]},
    }
    assert sent["cookies"] == {
        "a": {"value": "2", "multiValue": [{"value": "1"}, {"value": "2"}]},
        "b": {"value": "x=y"},
    }
    assert sent["querystring"]["q"] == {"value": "2", "multiValue": [{"value": "1"}, {"value": "2"}]}
    assert sent["querystring"]["empty"] == {"value": ""}


@pytest.mark.parametrize(
    "name",
    ["connection", "x-forwarded-proto", "x-real-ip", "x-amz-cf-id", "x-edge-location", "x-accel-redirect"],
)
def test_some_headers_are_not_shown_and_must_not_be_added(name: str) -> None:
    assert name not in seen(request([(name, "1")]))["request"]["headers"]
    with (
        function(f"event.request.headers['{name}'] = {{ value: '1' }}; return event.request;") as loaded,
        pytest.raises(EdgeFunctionError, match=f"added the header {name}"),
    ):
        loaded.run(request())


def test_nothing_changes_where_the_function_changes_nothing() -> None:
    sent = request([("x-many", "a"), ("x-many", "b"), ("cookie", "a=1; b=2")], query_string="b=%2f&a=+&a")
    with function("return event.request;") as loaded:
        outcome = loaded.run(sent)
    assert isinstance(outcome, Forward)
    assert (outcome.request, outcome.origin, outcome.reads) == (sent, None, 0)


def test_changes_pass_on() -> None:
    with function(
        """
        const request = event.request;
        request.uri = '/b%20c';
        request.headers['X-New'] = { value: '1', multiValue: [{ value: '1' }, { value: '2' }] };
        delete request.headers['x-old'];
        request.cookies = { c: { value: '3' } };
        request.querystring = { q: { value: 'x%20y' }, 'Case': { value: '1' } };
        cf.selectRequestOriginById('other');
        return request;
        """
    ) as loaded:
        outcome = loaded.run(request([("x-old", "1"), ("cookie", "a=1")], query_string="q=1"))
    assert isinstance(outcome, Forward)
    assert (outcome.request.uri, outcome.request.query_string) == ("/b%20c", "q=x%20y&Case=1")
    assert outcome.request.headers == [
        ("host", "shop.example.com"),
        ("x-new", "1"),
        ("x-new", "2"),
        ("cookie", "c=3"),
    ]
    assert outcome.origin is not None
    assert outcome.origin.id == "other"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("throw new Error('on purpose');", "on purpose"),
        ("return undefined;", "the function failed"),
        ("await new Promise(() => {});", "did not finish"),
        ("delete event.request.headers.host; return event.request;", "read-only header host"),
        ("event.request.uri = 'b'; return event.request;", "which is none"),
        ("event.request.uri = '/b?c'; return event.request;", "which is none"),
        ("event.request.uri = '/' + 'b'.repeat(9000); return event.request;", "which is none"),
        ("return await cf.kvs().get('x'.repeat(513));", "InvalidKey"),
        ("return await cf.kvs().get('missing');", "KeyNotFound"),
    ],
)
def test_what_a_function_may_not_do_is_an_error(body: str, reason: str) -> None:
    with function(body) as loaded, pytest.raises(EdgeFunctionError, match=reason):
        loaded.run(request())


def test_a_store_is_read_as_text_or_json_and_counted() -> None:
    body = """
    const store = cf.kvs();
    const values = [await store.get('a'), await store.get('a', { format: 'json' }), await store.exists('b')];
    return { statusCode: 201, statusDescription: 'Made', body: JSON.stringify(values) };
    """
    with function(body, {"a": '{"x":1}'}) as loaded:
        outcome = loaded.run(request())
    assert isinstance(outcome, Generated)
    assert json.loads(outcome.body) == ['{"x":1}', {"x": 1}, False]
    assert (outcome.status, outcome.reason, outcome.reads) == (201, "Made", 3)


def test_a_function_cannot_be_left_with_the_values_of_another_etag() -> None:
    items, etag = {"a": "1", "b": "1"}, "1"
    body = "{ return { statusCode: 200, body: await cf.kvs().get('a') }; }"
    code = f"import cf from 'cloudfront';\nasync function handler() {body}"
    loaded = EdgeFunction.load(code, lambda: (etag, items))
    bodies: list[bytes] = []
    for value in ("1", "2", "\"'`\\\u2028</script>é😀"):
        items["a"] = value
        etag = f"{etag}x"
        outcome = loaded.run(request())
        assert isinstance(outcome, Generated)
        bodies.append(outcome.body)
    assert [body.decode() for body in bodies] == ["1", "2", "\"'`\\\u2028</script>é😀"]
    loaded.close()


class Written(Mapping[str, str]):
    """A store with one key that is written to as soon as it was read."""

    def __init__(self) -> None:
        self.value, self.etag = "old", "1"

    def __getitem__(self, key: str) -> str:
        value = self.value
        self.value, self.etag = "new", "2"
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


def test_a_write_while_the_store_is_read_is_seen_at_the_next_request() -> None:
    """D3: or the site would stay at its old release."""
    store = Written()
    code = (
        "import cf from 'cloudfront';\n"
        "async function handler() { return { statusCode: 200, body: await cf.kvs().get('a') }; }"
    )
    loaded = EdgeFunction.load(code, lambda: (store.etag, store))
    loaded.run(request())
    outcome = loaded.run(request())
    assert isinstance(outcome, Generated)
    assert outcome.body == b"new"
    loaded.close()
