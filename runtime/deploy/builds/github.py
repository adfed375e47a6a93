"""What GitHub sends to a webhook, read as far as a deployment needs it.

Documents: docs.github.com/en/webhooks, "Validating webhook deliveries" and "push".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from runtime.deploy.model import Commit
from runtime.shared.errors import MalformedError

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH = "refs/heads/"
_MESSAGE_LENGTH = 2_000  # characters kept of a commit's message: enough to recognise it, small in every list
_AUTHOR_LENGTH = 200


@frozen(kw_only=True)
class Ignored:
    """A delivery that starts nothing, and why (P2)."""

    reason: str


def signature_holds(secret: str, body: bytes, signature: str | None) -> bool:
    """Tell whether `X-Hub-Signature-256` is of this body and secret.

    The work and its time are the same for a missing, malformed and wrong signature.
    """
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), (signature or "").encode())


def read_push(event: str | None, payload: Any, *, branch: str, repository_url: str) -> Commit | Ignored:  # noqa: ANN401 - any JSON
    """Return the pushed commit, or why the delivery starts nothing.

    Args:
        event: Header `X-GitHub-Event`.
        payload: The body's JSON.
        branch: The only branch whose pushes count.
        repository_url: The only repository whose pushes count.

    Raises:
        MalformedError: A push without the fields that every push has; names the field.
    """
    if event != "push":
        return Ignored(reason=f"event {event or '(none)'!r} starts no deployment, only 'push' does")
    push = _object(payload, "")
    repository = _object(push.get("repository"), "repository")
    url = _text(repository.get("clone_url"), "repository.clone_url")
    try:
        same = comparable(url) == comparable(repository_url)
    except ValueError:
        raise MalformedError("repository.clone_url: must be a URL") from None
    if not same:
        return Ignored(reason=f"the push is to {url}, the project's repository is {repository_url}")
    ref = _text(push.get("ref"), "ref")
    if ref != _BRANCH + branch:
        return Ignored(reason=f"the push is to {ref}, the project deploys {_BRANCH}{branch}")
    if push.get("deleted") is True:
        return Ignored(reason=f"branch {branch} was deleted")
    sha = _text(push.get("after"), "after")
    if not _SHA.fullmatch(sha):
        raise MalformedError("after: must be a commit's SHA")
    # Null when the push brings no commit of its own.
    head: Mapping[str, Any] = _object(push.get("head_commit") or {}, "head_commit")
    author: Mapping[str, Any] = _object(head.get("author") or {}, "head_commit.author")
    return Commit(
        sha=sha,
        message=_text(head.get("message") or "", "head_commit.message")[:_MESSAGE_LENGTH],
        author=_text(author.get("name") or "", "head_commit.author.name")[:_AUTHOR_LENGTH],
    )


def comparable(url: str) -> str:
    """Return what two URLs of the same repository have in common: host and path, without case and `.git`.

    Raises:
        ValueError: One is no URL.
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix(".git")
    return f"{parts.hostname or ''}:{parts.port or ''}{path}".lower()


def _object(value: Any, name: str) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        raise MalformedError(f"{name or 'the body'}: must be an object")
    return value  # pyright: ignore[reportUnknownVariableType] - JSON objects have text keys


def _text(value: Any, name: str) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(value, str):
        raise MalformedError(f"{name}: must be text")
    # JSON can write half a surrogate pair, a row cannot.
    return value.encode(errors="replace").decode()
