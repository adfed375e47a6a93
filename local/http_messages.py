"""The parts of HTTP messages that the local edge and the Node workers exchange."""

from collections.abc import AsyncIterator, Iterable

from attrs import frozen

Headers = list[tuple[str, str]]
"""Header names and values in their order. A name can occur more than once (`set-cookie`)."""


@frozen(kw_only=True)
class StreamedResponse:
    """An origin's response, whose body can arrive after the headers.

    Attributes:
        chunks: Yields each part of the body when the part arrives.
    """

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]


def decode_headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Decode raw headers. The names are returned in lower case.

    As in CloudFront, values that are not UTF-8 are decoded as ISO-8859-1, the former default of HTTP.
    """
    return [(name.decode("ascii").lower(), _decode_bytes(value)) for name, value in raw]


def decode_header_value(value: str) -> str:
    """Return a header value from aiohttp as `decode_headers` would return it.

    aiohttp has replaced each byte that is not UTF-8 by a surrogate.
    """
    return _decode_bytes(value.encode("utf-8", "surrogateescape"))


def _decode_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
