"""The deployed viewer-request function, with a KeyValueStore that tests fill."""

import json
from collections.abc import Mapping
from pathlib import Path

from components.edge.function_code import read_function_code
from local.edge.functions.events import Forward, Generated, ViewerRequest
from local.edge.functions.viewer_function import EdgeFunction
from local.http_messages import Headers

SOURCE = Path(__file__).parents[2] / "components" / "edge" / "viewer-request.js"
RESPONSE_SOURCE = SOURCE.with_name("viewer-response.js")
HOST = "shop.sites.example.com"
RELEASE = "01JB5Z9QK8W3T7N2M4R6X0Y1AB"
RELEASE_HOST = f"{RELEASE.lower()}--{HOST}"
# The entry of a host in the KeyValueStore. components/edge/viewer-request.js describes the fields.
SITE = {
    "r": RELEASE,
    "s": "server123.lambda-url.ap-southeast-1.on.aws",
    "i": "image456.lambda-url.ap-southeast-1.on.aws",
    "n": "shop",
    "k": "0123456789abcdef0123456789abcdef01234567",
    "p": "|favicon.ico|robots.txt|data/|my file.pdf|a+b.txt|",
    "c": 1,
}
# The same release, but the store has one key for each root entry (public file or folder in the root).
LARGE_SITE = {**SITE, "p": "*"}

# A site with a base path and with two additional server functions.
API, FEED = "api789.lambda-url.ap-southeast-1.on.aws", "feed012.lambda-url.ap-southeast-1.on.aws"
SPLIT_SITE = {
    **SITE,
    "b": "/docs",
    "f": [[API, "/docs/api/*", "/docs/*/raw", "/docs/a*b*c"], [FEED, "/docs/feed", "/docs/api/feed"]],
}


def encode_entry(site: Mapping[str, object]) -> str:
    """Return an entry as text, as the KeyValueStore contains it."""
    return json.dumps(site, separators=(",", ":"))


KEY_VALUES = {HOST: encode_entry(SITE), RELEASE_HOST: encode_entry(SITE)}


def create_large_key_values() -> dict[str, str]:
    """Return the store of a release whose root entries have their own keys."""
    entries = {f"{RELEASE_HOST}/{entry}": "1" for entry in SITE["p"].strip("|").split("|")}
    return {HOST: encode_entry(LARGE_SITE), RELEASE_HOST: encode_entry(LARGE_SITE), **entries}


def load_function(key_values: Mapping[str, str]) -> EdgeFunction:
    """Return the viewer-request function with this content of the KeyValueStore."""
    return EdgeFunction.load(read_function_code(SOURCE), lambda: ("1", key_values))


def create_request(
    uri: str,
    *,
    method: str = "GET",
    host: str = HOST,
    headers: Headers | None = None,
    query_string: str = "",
) -> ViewerRequest:
    return ViewerRequest(
        method=method,
        uri=uri,
        query_string=query_string,
        headers=[("host", host), *(headers or [])],
        viewer_ip="198.51.100.7",
    )


def read_target(outcome: Forward | Generated) -> str:
    """Return where a request goes: the id or the domain name of an origin.

    If the function generated a response itself, return the status of this response.
    """
    if isinstance(outcome, Generated):
        return str(outcome.status)
    assert outcome.origin is not None
    return outcome.origin.id or str(outcome.origin.changes["domainName"])


def read_header(outcome: Forward | Generated, name: str) -> list[str]:
    """Return all values of a header of the forwarded request or of the generated response."""
    headers = outcome.headers if isinstance(outcome, Generated) else outcome.request.headers
    return [content for given, content in headers if given == name]
