"""Compares the answers of two servers after the allowed differences."""

import difflib
import re
from typing import Final

from attrs import evolve, field, frozen

from tests.conformance.harness.comparing.allowed import ALLOWED
from tests.conformance.harness.comparing.normalizer import Normalizer
from tests.conformance.harness.exchange import Answer

STREAMING: Final = "streaming"
STREAMED_BODY: Final = "streamed body"
_STREAMED_SECONDS: Final = 0.4
_NOT_MODIFIED: Final = 304
_CONTEXT: Final = 60


@frozen(kw_only=True)
class Difference:
    """A difference between the answers to one request.

    Attributes:
        part: `status`, `header <name>`, `body`, `streamed body` or `streaming`.
        expected: The value of `next start`.
        actual: The value of the platform.
        detail: All differing parts of two texts, for a person who looks for the cause.
    """

    part: str
    expected: str
    actual: str
    detail: str = field(default="", eq=False)


def compare(
    expected: Answer, actual: Answer, *, normalizers: tuple[Normalizer, Normalizer], method: str = "GET"
) -> list[Difference]:
    """Return the differences between the answers of `next start` and of the platform that are not allowed."""
    for allowed in ALLOWED:
        expected, actual = allowed.remove(expected, actual)
    if expected.status != actual.status:
        return [Difference(part="status", expected=_describe(expected), actual=_describe(actual))]
    found = _compare_bodies(expected, actual, normalizers) if method != "HEAD" else []
    if method == "HEAD" or expected.status == _NOT_MODIFIED or expected.body != actual.body:
        # An entity tag is a hash of the body, and so it differs if the body has volatile texts. Without a
        # body, this cannot be seen.
        expected, actual = _without_entity_tag(expected), _without_entity_tag(actual)
    for name in sorted({name for name, _ in (*expected.headers, *actual.headers)}):
        one = _join_values(expected, name, normalizers[0])
        other = _join_values(actual, name, normalizers[1])
        if one != other:
            found.append(Difference(part=f"header {name}", expected=one, actual=other))
    if max(expected.arrival, actual.arrival) > _STREAMED_SECONDS:
        # Which parts of a streamed page are ready at the same time depends on the load of the machine.
        found = [evolve(each, part=STREAMED_BODY) if each.part == "body" else each for each in found]
    if (expected.arrival > _STREAMED_SECONDS) != (actual.arrival > _STREAMED_SECONDS):
        found.append(
            Difference(part=STREAMING, expected=f"{expected.arrival:.1f} s", actual=f"{actual.arrival:.1f} s")
        )
    return found


def _describe(answer: Answer) -> str:
    """Return the status, with the target of a redirect and the beginning of a short text."""
    location = answer.get("location")
    is_short = len(answer.body) <= _CONTEXT and not location
    detail = location or (answer.body.decode(errors="replace") if is_short else answer.get("content-type"))
    return f"{answer.status} {detail}".rstrip()


def _without_entity_tag(answer: Answer) -> Answer:
    headers = ((name, "some" if name == "etag" else value) for name, value in answer.headers)
    return evolve(answer, headers=tuple(headers))


def _join_values(answer: Answer, name: str, normalizer: Normalizer) -> str:
    values = [normalizer.normalize(value) for key, value in answer.headers if key == name]
    return " | ".join(values) if values else "none"


def _compare_bodies(
    expected: Answer, actual: Answer, normalizers: tuple[Normalizer, Normalizer]
) -> list[Difference]:
    if expected.body == actual.body:
        for normalizer, answer in zip(normalizers, (expected, actual), strict=True):
            if _is_text(answer):
                normalizer.normalize(answer.body.decode(errors="replace"))
        return []
    if not (_is_text(expected) and _is_text(actual)):
        sizes = [f"{len(answer.body)} bytes {answer.body[:24]!r}" for answer in (expected, actual)]
        return [Difference(part="body", expected=sizes[0], actual=sizes[1])]
    one, other = (
        normalizer.normalize(answer.body.decode(errors="replace"))
        for normalizer, answer in zip(normalizers, (expected, actual), strict=True)
    )
    if one == other:
        return []
    shown = _find_first_difference(one, other)
    detail = _describe_all_differences(one, other)
    return [Difference(part="body", expected=shown[0], actual=shown[1], detail=detail)]


def _is_text(answer: Answer) -> bool:
    try:
        answer.body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _find_first_difference(one: str, other: str) -> tuple[str, str]:
    position = next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    start = max(0, position - _CONTEXT // 2)
    shown = [f"({len(text)}) ...{text[start : position + _CONTEXT]}" for text in (one, other)]
    return shown[0], shown[1]


def _describe_all_differences(one: str, other: str) -> str:
    before, after = (re.sub("(?=<)", "\n", text).splitlines() for text in (one, other))
    return "\n".join(difflib.unified_diff(before, after, "next start", "platform", lineterm="", n=1))
