"""The parts of HTTP messages that the local edge and the workers hand to each other."""

from collections.abc import AsyncIterator, Iterable

from attrs import frozen

Headers = list[tuple[str, str]]
"""In their order; a name may be there more than once (`set-cookie`)."""


@frozen(kw_only=True)
class StreamedResponse:
    """An origin's answer while it arrives.

    Attributes:
        chunks: The body's parts as soon as the origin has sent them.
    """

    status: int
    headers: Headers
    chunks: AsyncIterator[bytes]


def received(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers as they were sent, names in lower case.

    What is not UTF-8 is taken for ISO-8859-1, the encoding HTTP had before, as CloudFront does.
    """
    return [(name.decode("ascii").lower(), _text(value)) for name, value in raw]


def readable(value: str) -> str:
    """A value in which aiohttp's server kept what is not UTF-8 as lone surrogates, read like `received`."""
    return _text(value.encode("utf-8", "surrogateescape"))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
