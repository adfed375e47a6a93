"""The edge runs a CloudFront Function: its event, its changes, and its forbidden operations (L1)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from local.edge.functions.events import (
    EdgeFunctionError,
    EventContext,
    Forward,
    Generated,
    ViewerRequest,
    ViewerResponse,
)
from local.edge.functions.viewer_function import EdgeFunction
from local.http_messages import Headers


@contextmanager
def load_function(body: str, items: dict[str, str] | None = None) -> Iterator[EdgeFunction]:
    code = f"import cf from 'cloudfront';\nasync function handler(event) {{ {body} }}"
    loaded = EdgeFunction.load(code, lambda: ("1", items or {}))
    yield loaded
    loaded.close()


def make_request(headers: Headers | None = None, query_string: str = "") -> ViewerRequest:
    return ViewerRequest(
        method="GET",
        uri="/a",
        query_string=query_string,
        headers=[("host", "shop.example.com"), *(headers or [])],
        viewer_ip="198.51.100.7",
    )


def read_event(sent: ViewerRequest) -> Any:  # noqa: ANN401 - JSON
    with load_function("return { statusCode: 200, body: JSON.stringify(event) };") as loaded:
        outcome = loaded.run(sent)
        assert isinstance(outcome, Generated)
        return json.loads(outcome.body)


def test_the_event_has_cloudfronts_structure() -> None:
    headers = [("x-one", "1"), ("x-many", "a"), ("x-many", "b"), ("cookie", "a=1; b=x=y"), ("cookie", "a=2")]
    event = read_event(make_request(headers, query_string="q=1&q=2&empty&e%20=%2F"))
    assert (event["version"], event["context"]["eventType"]) == ("1.0", "viewer-request")
    assert event["viewer"] == {"ip": "198.51.100.7"}
    sent = event["request"]
    assert (sent["method"], sent["uri"]) == ("GET", "/a")
    assert sent["headers"] == {
        "host": {"value": "shop.example.com"},
        "x-one": {"value": "1"},
        "x-many": {"value": "a", "multiValue": [{"value": "a"}, {"value": "b"}]},
    }
    assert sent["cookies"] == {
        "a": {"value": "1", "multiValue": [{"value": "1"}, {"value": "2"}]},
        "b": {"value": "x=y"},
    }
    assert sent["querystring"]["q"] == {"value": "1", "multiValue": [{"value": "1"}, {"value": "2"}]}
    assert sent["querystring"]["empty"] == {"value": ""}


@pytest.mark.parametrize(
    "name",
    ["connection", "x-forwarded-proto", "x-real-ip", "x-amz-cf-id", "x-edge-location", "x-accel-redirect"],
)
def test_disallowed_headers_are_hidden_from_a_function_and_cannot_be_added(name: str) -> None:
    assert name not in read_event(make_request([(name, "1")]))["request"]["headers"]
    with (
        load_function(f"event.request.headers['{name}'] = {{ value: '1' }}; return event.request;") as loaded,
        pytest.raises(EdgeFunctionError, match=f"added the disallowed header {name}"),
    ):
        loaded.run(make_request())


def test_a_function_that_changes_nothing_forwards_the_same_request() -> None:
    sent = make_request(
        [("x-many", "a"), ("x-many", "b"), ("cookie", "a=1; b=2")], query_string="b=%2f&a=+&a"
    )
    with load_function("return event.request;") as loaded:
        outcome = loaded.run(sent)
    assert isinstance(outcome, Forward)
    assert (outcome.request, outcome.origin, outcome.reads) == (sent, None, 0)


def test_the_changes_of_a_function_are_forwarded() -> None:
    with load_function(
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
        outcome = loaded.run(make_request([("x-old", "1"), ("cookie", "a=1")], query_string="q=1"))
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
        ("event.request.uri = 'b'; return event.request;", "set an invalid URI"),
        ("event.request.uri = '/b?c'; return event.request;", "set an invalid URI"),
        ("event.request.uri = '/' + 'b'.repeat(9000); return event.request;", "set an invalid URI"),
        ("return await cf.kvs().get('x'.repeat(513));", "InvalidKey"),
        ("return await cf.kvs().get('missing');", "KeyNotFound"),
    ],
)
def test_a_forbidden_result_of_a_request_function_is_an_error(body: str, reason: str) -> None:
    with load_function(body) as loaded, pytest.raises(EdgeFunctionError, match=reason):
        loaded.run(make_request())


def test_a_function_reads_the_store_as_text_or_json_and_its_reads_are_counted() -> None:
    body = """
    const store = cf.kvs();
    const values = [await store.get('a'), await store.get('a', { format: 'json' }), await store.exists('b')];
    return { statusCode: 201, statusDescription: 'Made', body: JSON.stringify(values) };
    """
    with load_function(body, {"a": '{"x":1}'}) as loaded:
        outcome = loaded.run(make_request())
    assert isinstance(outcome, Generated)
    assert json.loads(outcome.body) == ['{"x":1}', {"x": 1}, False]
    assert (outcome.status, outcome.reason, outcome.reads) == (201, "Made", 3)


def test_a_function_reads_the_new_values_when_the_etag_of_the_store_changes() -> None:
    items, etag = {"a": "1", "b": "1"}, "1"
    body = "{ return { statusCode: 200, body: await cf.kvs().get('a') }; }"
    code = f"import cf from 'cloudfront';\nasync function handler() {body}"
    loaded = EdgeFunction.load(code, lambda: (etag, items))
    bodies: list[bytes] = []
    for value in ("1", "2", "\"'`\\\u2028</script>é😀"):
        items["a"] = value
        etag = f"{etag}x"
        outcome = loaded.run(make_request())
        assert isinstance(outcome, Generated)
        bodies.append(outcome.body)
    assert [body.decode() for body in bodies] == ["1", "2", "\"'`\\\u2028</script>é😀"]
    loaded.close()


class ChangingStore(Mapping[str, str]):
    """A store with one key. The first read also changes the value, like a write of another process."""

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


def test_a_write_during_a_read_of_the_store_is_visible_to_the_next_request() -> None:
    """D3: otherwise the edge would serve the old release until the next write."""
    store = ChangingStore()
    code = (
        "import cf from 'cloudfront';\n"
        "async function handler() { return { statusCode: 200, body: await cf.kvs().get('a') }; }"
    )
    loaded = EdgeFunction.load(code, lambda: (store.etag, store))
    loaded.run(make_request())
    outcome = loaded.run(make_request())
    assert isinstance(outcome, Generated)
    assert outcome.body == b"new"
    loaded.close()


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ("many.value = 'x';", ["x", "b"]),
        ("many.multiValue[1].value = 'x';", ["a", "x"]),
        ("many.value = 'x'; many.multiValue.pop();", ["a"]),
        ("delete many.multiValue;", ["a"]),
    ],
)
def test_changing_a_repeated_header_has_the_same_effect_as_in_cloudfront(
    change: str, values: list[str]
) -> None:
    sent = make_request([("x-many", "a"), ("x-many", "b")])
    code = f"const many = event.request.headers['x-many']; {change} return event.request;"
    with load_function(code) as loaded:
        outcome = loaded.run(sent)
    assert isinstance(outcome, Forward)
    assert [value for name, value in outcome.request.headers if name == "x-many"] == values


CONTEXT = EventContext(
    distribution_domain_name="d111111abcdef8.cloudfront.net", distribution_id="E1", request_id="id-1"
)


def create_response(*headers: tuple[str, str], status: int = 200) -> ViewerResponse:
    return ViewerResponse(status=status, reason="OK", headers=list(headers))


@contextmanager
def load_response_function(body: str) -> Iterator[EdgeFunction]:
    loaded = EdgeFunction.load(f"function handler(event) {{ {body} }}", lambda: ("1", {}))
    yield loaded
    loaded.close()


def test_a_request_event_has_the_context_of_the_distribution() -> None:
    with load_function("return { statusCode: 200, body: JSON.stringify(event.context) };") as loaded:
        outcome = loaded.run(make_request(), CONTEXT)
    assert isinstance(outcome, Generated)
    assert json.loads(outcome.body) == {
        "eventType": "viewer-request",
        "distributionDomainName": "d111111abcdef8.cloudfront.net",
        "distributionId": "E1",
        "requestId": "id-1",
    }


def test_a_response_event_has_cloudfronts_structure() -> None:
    original = create_response(
        ("content-type", "text/html"),
        ("vary", "rsc"),
        ("vary", "accept-encoding"),
        ("set-cookie", "id=1=2; Secure; Path=/"),
        ("set-cookie", "many=a; Path=/"),
        ("set-cookie", "many=b"),
        ("x-amzn-requestid", "hidden"),
    )
    body = "return { statusCode: 200, body: JSON.stringify(event) };"
    with load_response_function(body) as loaded:
        shown = loaded.run_response(make_request([("rsc", "1")]), original, CONTEXT)
    assert shown.body is not None
    event = json.loads(shown.body)
    assert event["context"]["eventType"] == "viewer-response"
    assert event["context"]["requestId"] == "id-1"
    assert event["viewer"] == {"ip": "198.51.100.7"}
    assert event["request"]["headers"]["rsc"] == {"value": "1"}
    vary = event["response"]["headers"].pop("vary")
    assert [entry["value"] for entry in vary["multiValue"]] == ["rsc", "accept-encoding"]
    assert event["response"] == {
        "statusCode": 200,
        "statusDescription": "OK",
        "headers": {"content-type": {"value": "text/html"}},
        "cookies": {
            "id": {"value": "1=2", "attributes": "Secure; Path=/"},
            "many": {
                "value": "a",
                "attributes": "Path=/",
                "multiValue": [{"value": "a", "attributes": "Path=/"}, {"value": "b"}],
            },
        },
    }


def test_a_response_function_that_changes_nothing_leaves_the_response_as_it_is() -> None:
    original = create_response(
        ("content-length", "5"),
        ("vary", "a"),
        ("vary", "b"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2"),
        ("x-amzn-requestid", "hidden"),
    )
    with load_response_function("return event.response;") as loaded:
        assert loaded.run_response(make_request(), original) == original


def test_changes_to_a_response_take_effect() -> None:
    body = """
        const response = event.response;
        delete response.headers['x-old'];
        response.headers['X-New'] = { value: event.request.uri };
        response.cookies = { c: { value: '3', attributes: 'Path=/' } };
        response.statusCode = 201;
        response.statusDescription = 'Made';
        return response;
    """
    with load_response_function(body) as loaded:
        shown = loaded.run_response(make_request(), create_response(("x-old", "1"), ("set-cookie", "a=1")))
    assert shown == ViewerResponse(
        status=201, reason="Made", headers=[("x-new", "/a"), ("set-cookie", "c=3; Path=/")]
    )


@pytest.mark.parametrize(
    ("body", "replaced"),
    [
        ("'text'", b"text"),
        ("{ encoding: 'text', data: 'text' }", b"text"),
        ("{ encoding: 'base64', data: 'AAEC' }", b"\x00\x01\x02"),
        ("''", b""),
    ],
)
def test_a_response_function_can_replace_the_body_without_content_length(body: str, replaced: bytes) -> None:
    code = f"const r = event.response; delete r.headers['content-length']; r.body = {body}; return r;"
    with load_response_function(code) as loaded:
        shown = loaded.run_response(make_request(), create_response(("content-length", "5")))
    assert (shown.body, shown.headers) == (replaced, [])


def test_a_response_function_may_be_async_and_read_the_store() -> None:
    code = (
        "import cf from 'cloudfront';\n"
        "async function handler(event) {\n"
        "  event.response.headers['x-a'] = { value: await cf.kvs().get('a') }; return event.response; }"
    )
    loaded = EdgeFunction.load(code, lambda: ("1", {"a": "1"}))
    assert loaded.run_response(make_request(), create_response()).headers == [("x-a", "1")]
    loaded.close()


@pytest.mark.parametrize(
    ("body", "reason", "status"),
    [
        ("throw new Error('on purpose');", "on purpose", 503),
        ("return new Promise(() => {});", "did not finish", 503),
        ("cf.kvs(); return event.response;", "cf is not defined", 503),
        ("return undefined;", "returned no response", 502),
        ("return event.request;", "returned no response", 502),
        ("return { statusCode: 99 };", "returned no response", 502),
        ("event.response.headers.via = { value: '1' }; return event.response;", "read-only header via", 502),
        ("delete event.response.headers.warning; return event.response;", "read-only header warning", 502),
        (
            "delete event.response.headers['content-length']; return event.response;",
            "read-only header content-length",
            502,
        ),
        ("event.response.headers['x-cache'] = { value: '1' }; return event.response;", "x-cache", 502),
        (
            "event.response.body = { encoding: 'base64', data: '?' }; return event.response;",
            "not base64",
            502,
        ),
    ],
)
def test_a_forbidden_result_of_a_response_function_is_an_error(body: str, reason: str, status: int) -> None:
    original = create_response(("content-length", "5"), ("warning", "199"))
    with load_response_function(body) as loaded, pytest.raises(EdgeFunctionError, match=reason) as raised:
        loaded.run_response(make_request(), original)
    assert raised.value.status == status


def test_a_response_function_cannot_choose_an_origin() -> None:
    with (
        load_function("cf.selectRequestOriginById('other'); return event.response;") as loaded,
        pytest.raises(EdgeFunctionError, match="cannot choose an origin"),
    ):
        loaded.run_response(make_request(), create_response())
