"""The allowed differences between `next start` and the platform, each with its reason."""

from collections.abc import Callable
from typing import Final, TypeAlias

from attrs import evolve, frozen

from tests.conformance.harness.exchange import Answer

Remove: TypeAlias = Callable[[Answer, Answer], tuple[Answer, Answer]]
"""Returns the answers of `next start` and of the platform without an allowed difference."""


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
        kept = [
            evolve(answer, headers=tuple(pair for pair in answer.headers if pair[0] not in names))
            for answer in (expected, actual)
        ]
        return kept[0], kept[1]

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


def _without_compression(expected: Answer, actual: Answer) -> tuple[Answer, Answer]:
    """Remove `Accept-Encoding` from the header `Vary`."""

    def clean(answer: Answer) -> Answer:
        headers: list[tuple[str, str]] = []
        for name, value in answer.headers:
            if name != "vary":
                headers.append((name, value))
                continue
            kept = [part.strip() for part in value.split(",") if part.strip().lower() != "accept-encoding"]
            if kept:
                headers.append((name, ", ".join(kept)))
        return evolve(answer, headers=tuple(headers))

    return clean(expected), clean(actual)


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
        name="headers of CloudFront",
        reason="CloudFront adds them to each answer, and they cannot be removed.",
        remove=_without("via", "x-cache", "x-amz-cf-id", "x-amz-cf-pop", "server"),
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
)
