"""Recognizes requests that a web page makes a browser send to the embedded cloud.

Every web page that a developer opens can send requests to loopback. Two kinds of requests are dangerous:

- Requests of another site. The browser sends them without the developer's consent, and a simple `POST`
  without a preflight. Such a request has the header `Origin` or `Sec-Fetch-Site`. Tools such as boto3 and
  curl send neither of them.
- Requests after DNS rebinding: the name of the attacker's site suddenly leads to 127.0.0.1. For the browser,
  the page and the embedded cloud are then one site. Such a request has the attacker's name in `Host`.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"([a-z0-9.-]+)(?::([0-9]{1,5}))?")
_LOOPBACK: Final = ("127.0.0.1", "localhost")
# A browser sends other values only if another site caused the request.
_OWN_SITE: Final = frozenset({"same-origin", "none"})


def split_host(host: str) -> tuple[str, int | None] | None:
    """Return the name in lower case and the port of a `Host` header, or None if the header is malformed.

    The port is None if the header has no port.
    """
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return None
    return match[1], int(match[2]) if match[2] else None


def is_loopback_name(name: str) -> bool:
    """Return whether a name always leads to this machine: no name server can change it.

    AWS SDKs put labels such as the account's ID before the host of an endpoint. No browser accepts a name
    that ends with an address, so names below 127.0.0.1 are safe, too.
    """
    return name.endswith(tuple(f".{each}" for each in _LOOPBACK)) or name in _LOOPBACK


def find_foreign_origin(headers: Mapping[str, str]) -> str | None:
    """Return the origin of the other site that caused a request, or None for a request of no other site.

    Args:
        headers: The request's headers. The names are in lower case.

    Returns:
        The value of `Origin`, or an empty string if the browser does not tell the origin.
    """
    origin = headers.get("origin")
    if origin is not None:
        own = origin != "null" and urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        return None if own else origin
    return None if headers.get("sec-fetch-site", "none") in _OWN_SITE else ""
