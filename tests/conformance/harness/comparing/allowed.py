"""The allowed differences between `next start` and the platform, each with its reason."""

import base64
import binascii
import gzip
import re
import string
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import quote

from attrs import evolve, frozen

from tests.conformance.harness.comparing.spelling import is_unknown_to_next
from tests.conformance.harness.exchange import Answer

Remove: TypeAlias = Callable[[Answer, Answer], tuple[Answer, Answer]]
"""Returns the answers of `next start` and of the platform without an allowed difference."""

_NOTHING: Final = Answer(status=0, headers=(), body=b"")
_FIRST_ERROR: Final = 400
# The entity tag of a file under `next start`: its size and its time of change.
_FILE_TAG: Final = re.compile(r'W/"[0-9a-f]+-[0-9a-f]+"')
# The value that Next.js itself makes for prerendered pages.
_SHARED_CACHING: Final = re.compile(r"(public, )?s-maxage=\d+(, stale-while-revalidate(=\d+)?)?")
_BROWSER_CACHING: Final = frozenset(
    {"public, max-age=0, must-revalidate", "private, max-age=0, must-revalidate"}
)


@frozen(kw_only=True)
class AllowedDifference:
    """A difference that no user can want to be removed.

    Attributes:
        name: A short name.
        reason: Why the platform differs.
        remove: Removes the difference from both answers.
    """

    name: str
    reason: str
    remove: Remove


def _without(*names: str) -> Remove:
    """Return a function that removes headers from both answers."""

    def remove(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
        return _drop(expected, *names), _drop(actual, *names)

    return remove


def _without_added(**values: str) -> Remove:
    """Return a function that removes headers that only the platform sends, with exactly these values."""
    added = {name.replace("_", "-"): value for name, value in values.items()}

    def remove(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
        own = {name for name, _ in expected.headers}
        kept = tuple(
            (name, value) for name, value in actual.headers if name in own or added.get(name) != value
        )
        return expected, evolve(actual, headers=kept)

    return remove


def _drop(answer: Answer, *names: str) -> Answer:
    return evolve(answer, headers=tuple(pair for pair in answer.headers if pair[0] not in names))


def _without_compression(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    """Remove `Accept-Encoding` from the header `Vary`, and unpack compressed bodies."""

    def clean(answer: Answer) -> Answer:
        headers: list[tuple[str, str]] = []
        if answer.get("content-encoding") == "gzip":
            body = gzip.decompress(answer.body) if answer.body else answer.body
            answer = evolve(_drop(answer, "content-encoding"), body=body)
        for name, value in answer.headers:
            if name != "vary":
                headers.append((name, value))
                continue
            kept = [part.strip() for part in value.split(",") if part.strip().lower() != "accept-encoding"]
            if kept:
                headers.append((name, ", ".join(kept)))
        return evolve(answer, headers=tuple(headers))

    return clean(expected), clean(actual)


def _without_cloudfront(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    names = {name for name, _ in actual.headers if name.startswith(("x-amz-", "x-amzn-"))}
    return _drop(expected, "via", "server"), _drop(actual, "via", "server", "x-cache", *names)


def _without_file_tags(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    tag = expected.get("etag")
    is_file_tag = _FILE_TAG.fullmatch(tag) or _FILE_TAG.fullmatch(_decode_image_tag(tag))
    is_file_without_tag = not tag and expected.get("accept-ranges") and expected.get("last-modified")
    if is_file_without_tag and actual.status == 304 != expected.status:
        return _NOTHING, _NOTHING
    if (is_file_tag or is_file_without_tag) and actual.get("etag"):
        names = ["etag", *(["last-modified"] if actual.get("last-modified") else [])]
        return _drop(expected, *names), _drop(actual, *names)
    return expected, actual


def _decode_image_tag(tag: str) -> str:
    """Return the tag of the file of an unchanged image, which Next.js encodes as base64url."""
    text = tag.strip('"')
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _without_shared_caching(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    one, other = expected.get("cache-control"), actual.get("cache-control")
    is_made_by_next = _SHARED_CACHING.fullmatch(one) and other in _BROWSER_CACHING
    if is_made_by_next or ("s-maxage" in one and other == ", ".join(_list_browser_directives(one))):
        return _drop(expected, "cache-control"), _drop(actual, "cache-control")
    return expected, actual


def _list_browser_directives(value: str) -> list[str]:
    return [part for part in re.split(r", *", value) if not part.startswith("s-maxage")]


def _without_private(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    one, other = expected.get("cache-control"), actual.get("cache-control")
    is_kept_by_nobody = not one or "no-store" in one or "no-cache" in one
    is_private = other == ", ".join(filter(None, ["private", one.removeprefix("public, ")]))
    if is_private and (is_kept_by_nobody or "immutable" in one or expected.status >= _FIRST_ERROR):
        return _drop(expected, "cache-control"), _drop(actual, "cache-control")
    return expected, actual


def _without_value_forms(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    """Write lists on one line and charsets in lower case, as equal values can be written in several ways."""
    lists = _LISTS | _find_repeated_names(expected) | _find_repeated_names(actual)

    def clean(answer: Answer) -> Answer:
        joined: dict[str, str] = {}
        cookies = tuple(pair for pair in answer.headers if pair[0] == "set-cookie")
        for name, value in answer.headers:
            if name == "set-cookie":
                continue
            text = re.sub(r"charset=[\w-]+", lambda found: found[0].lower(), _write_in_ascii(name, value))
            text = re.sub(r",(?=\S)", ", ", text) if name in lists else text
            joined[name] = f"{joined[name]}, {text}" if name in joined else text
        return evolve(answer, headers=(*joined.items(), *cookies))

    return clean(expected), clean(actual)


def _find_repeated_names(answer: Answer) -> set[str]:
    """Return the headers that have several lines, so that their values are lists."""
    return {name for name, count in Counter(name for name, _ in answer.headers).items() if count > 1}


def _write_in_ascii(name: str, value: str) -> str:
    """Return a URL with encoded characters, and a file name in the form of RFC 6266 for other characters."""
    if value.isascii() or name not in {"location", "content-disposition"}:
        return value
    if name == "location":
        return quote(value, safe=string.punctuation)
    file = re.search(r'filename="([^"]*)"', value)
    if not file:
        return value
    plain = re.sub(r"[^\x00-\x7f]", "?", value)
    return f"{plain}; filename*=UTF-8''{quote(file[1], safe='')}"


_LISTS: Final = frozenset({"allow", "cache-control", "vary", "x-nextjs-prerender"})


def _without_failures_of_files(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    is_failure = expected.status == 500 and expected.body in {b"", b"Internal Server Error"}
    is_unsatisfiable = expected.status == actual.status == _UNSATISFIABLE
    if is_unsatisfiable or (is_failure and actual.status in _FILE_STATUSES):
        return _NOTHING, _NOTHING
    return expected, actual


def _without_other_spellings(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    # 304 is the answer of a page about missing files, which the request has named by its entity tag.
    is_missing = expected.status in {_MISSING, 304} and is_unknown_to_next(expected.target)
    if is_missing and actual.status in {200, 304, 500, *_FILE_STATUSES}:
        return _NOTHING, _NOTHING
    return expected, actual


# The statuses of files: parts, and errors of the client.
_MISSING: Final = 404
_UNSATISFIABLE: Final = 416
_FILE_STATUSES: Final = frozenset({206, 403, 404, 405, 416})


def _without_headers_of_unchanged(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    if expected.status == actual.status == 304 and not expected.get("content-type"):
        return expected, _drop(actual, "content-type")
    return expected, actual


def _without_image_cache_status(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    is_image = expected.get("content-type").startswith("image/")
    if is_image and {expected.get("x-nextjs-cache"), actual.get("x-nextjs-cache")} <= {
        "HIT",
        "MISS",
        "STALE",
    }:
        return _drop(expected, "x-nextjs-cache"), _drop(actual, "x-nextjs-cache")
    return expected, actual


def _without_last_byte(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    if expected.status >= _FIRST_ERROR and not expected.body and actual.body == b" ":
        return expected, evolve(actual, body=b"")
    return expected, actual


ALLOWED: Final = (
    AllowedDifference(
        name="connection headers",
        reason="They describe the connection to the last server, not the answer (RFC 9110, section 7.6.1).",
        remove=_without("connection", "keep-alive", "transfer-encoding", "content-length"),
    ),
    AllowedDifference(
        name="time of the answer",
        reason="`Date` and `Age` are the time of each answer and its time in the cache of CloudFront.",
        remove=_without("date", "age"),
    ),
    AllowedDifference(
        name="headers of CloudFront and S3",
        reason="They come from CloudFront, S3 and Lambda: `Via`, `Server`, `X-Cache`, `X-Amz-...`.",
        remove=_without_cloudfront,
    ),
    AllowedDifference(
        name="compression",
        reason="CloudFront compresses answers, not the server. It adds `Vary: Accept-Encoding` itself.",
        remove=_without_compression,
    ),
    AllowedDifference(
        name="security headers",
        reason="The edge adds them if the site does not set them. The values are the defaults of browsers, or"
        " protect visitors of HTTPS sites.",
        remove=_without_added(
            strict_transport_security="max-age=31536000",
            referrer_policy="strict-origin-when-cross-origin",
            x_content_type_options="nosniff",
        ),
    ),
    AllowedDifference(
        name="form of header values",
        reason="A list on one line or on several lines, upper or lower case of a charset, and characters"
        " outside of ASCII in their encoded form mean the same (RFC 9110, sections 5.3 and 8.3.2; RFC 6266).",
        remove=_without_value_forms,
    ),
    AllowedDifference(
        name="entity tags of files",
        reason="`next start` makes the entity tag of a file from its size and time of change, and S3 from its"
        " content, also with `generateEtags: false`. `Last-Modified` is the time of the upload.",
        remove=_without_file_tags,
    ),
    AllowedDifference(
        name="times for shared caches",
        reason="`s-maxage` of Next.js or of the site is for the platform's cache. Browsers keep"
        " no such page without asking, in both cases.",
        remove=_without_shared_caching,
    ),
    AllowedDifference(
        name="private answers",
        reason="CloudFront must not keep an error, an answer without `Cache-Control`, an answer with"
        " `no-store`, or a hashed file to which middleware applies. Therefore the platform adds `private`,"
        " which changes nothing for browsers.",
        remove=_without_private,
    ),
    AllowedDifference(
        name="failures of next start",
        reason="`next start` 16.4 answers 500, or 416 with a page, where its own code wants to answer 405,"
        " 416 or a part of a file. The platform answers with the part or with an error of the client.",
        remove=_without_failures_of_files,
    ),
    AllowedDifference(
        name="spellings of file names",
        reason="`next start` answers 404 if punctuation in the path of a public file is not encoded as by"
        " Next.js. Both spellings mean the same path (RFC 3986, section 6.2.2), and the platform"
        " finds the file by both.",
        remove=_without_other_spellings,
    ),
    AllowedDifference(
        name="unchanged files",
        reason="S3 and CloudFront repeat `Content-Type` in an answer 304. It is the one that the browser has"
        " stored.",
        remove=_without_headers_of_unchanged,
    ),
    AllowedDifference(
        name="cache status of images",
        reason="`X-Nextjs-Cache` of an image tells whether the disk of `next start` has it. On the platform,"
        " CloudFront keeps images, and `X-Cache` tells it.",
        remove=_without_image_cache_status,
    ),
    AllowedDifference(
        name="errors without a body",
        reason="A streaming function URL cannot end an answer without a body, so the platform sends a space."
        " CloudFront runs no function that could remove it if the status is 400 or more.",
        remove=_without_last_byte,
    ),
)
