"""GitHub's webhook payloads and signatures.

Documents: docs.github.com/en/webhooks, "Validating webhook deliveries" and "push".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from runtime.deploy.builds.repository_address import RepositoryAddress, RepositoryAddressError
from runtime.deploy.model import Commit
from runtime.shared.errors import MalformedError

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH_PREFIX = "refs/heads/"
_MAX_MESSAGE_LENGTH = 2_000  # characters: enough to recognize a commit message, and short enough for lists
_MAX_AUTHOR_LENGTH = 200
# GitHub's document "Skipping workflow runs". The trailer is in the last paragraph of the message.
_SKIP_INSTRUCTION = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)
_SKIP_TRAILER = re.compile(r"^skip-checks:[ \t]*true[ \t]*$", re.IGNORECASE | re.MULTILINE)


@frozen(kw_only=True)
class IgnoredDelivery:
    """A valid delivery that creates no deployment, with the reason."""

    reason: str


def is_signature_valid(secret: str, body: bytes, signature: str | None) -> bool:
    """Return whether `X-Hub-Signature-256` matches the body and the secret.

    The work is the same for a missing, malformed or wrong signature, so that timing reveals nothing.
    """
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), (signature or "").encode())


def read_push(
    event: str | None,
    payload: Any,  # noqa: ANN401 - any JSON value
    *,
    branch: str,
    repository_url: str,
) -> Commit | IgnoredDelivery:
    """Return the pushed commit, or the reason why the delivery creates no deployment.

    Args:
        event: Header `X-GitHub-Event`.
        payload: Parsed JSON body.
        branch: The project's branch. Pushes to other branches are ignored.
        repository_url: The project's repository. Pushes to other repositories are ignored.

    Raises:
        MalformedError: A required field of a push is missing or invalid. The error names the field.
    """
    if event != "push":
        return IgnoredDelivery(reason=f"event {event or '(none)'!r} creates no deployment, only 'push' does")
    push = _require_object(payload, "")
    repository = _require_object(push.get("repository"), "repository")
    url = _require_text(repository.get("clone_url"), "repository.clone_url")
    if not _is_same_repository(repository_url, url, repository.get("ssh_url")):
        return IgnoredDelivery(reason=f"the push is to {url}, the project's repository is {repository_url}")
    ref = _require_text(push.get("ref"), "ref")
    if ref != _BRANCH_PREFIX + branch:
        return IgnoredDelivery(reason=f"the push is to {ref}, the project deploys {_BRANCH_PREFIX}{branch}")
    if push.get("deleted") is True:
        return IgnoredDelivery(reason=f"branch {branch} was deleted")
    sha = _require_text(push.get("after"), "after")
    if not _SHA.fullmatch(sha):
        raise MalformedError("after: must be a commit's SHA")
    # `head_commit` is null if the push contains no new commit.
    head: Mapping[str, Any] = _require_object(push.get("head_commit") or {}, "head_commit")
    author: Mapping[str, Any] = _require_object(head.get("author") or {}, "head_commit.author")
    message = _require_text(head.get("message") or "", "head_commit.message")
    if instruction := _find_skip_instruction(message):
        return IgnoredDelivery(
            reason=f"the message of commit {sha} contains {instruction!r}: "
            "to deploy the commit all the same, run `anchor deploy`"
        )
    return Commit(
        sha=sha,
        message=message[:_MAX_MESSAGE_LENGTH],
        author=_require_text(author.get("name") or "", "head_commit.author.name")[:_MAX_AUTHOR_LENGTH],
    )


def read_pusher(payload: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the login of the user who pushed, or an empty text if the payload does not name the user.

    GitHub names the user in `sender.login`, and a push of a deploy key only in `pusher.name`.
    """
    for owner, name in (("sender", "login"), ("pusher", "name")):
        found = payload.get(owner)
        if isinstance(found, dict) and isinstance(login := found.get(name), str):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any JSON
            return _require_text(login, f"{owner}.{name}")
    return ""


def _find_skip_instruction(message: str) -> str | None:
    """Return the part of a commit message that asks for no deployment, or None."""
    last_paragraph = message.replace("\r\n", "\n").strip().rpartition("\n\n")[2]
    found = _SKIP_INSTRUCTION.search(message) or _SKIP_TRAILER.search(last_paragraph)
    return found[0] if found else None


def _is_same_repository(repository_url: str, clone_url: str, ssh_url: object) -> bool:
    """Return whether the URLs in a payload name the project's repository.

    The SSH address is optional. It matters for a project with an SSH address, if the host names for HTTPS and
    SSH differ.

    Raises:
        MalformedError: `clone_url` is not the URL of a repository.
    """
    own = RepositoryAddress.parse(repository_url)
    try:
        # Some git servers in private networks announce http URLs.
        pushed = RepositoryAddress.parse(re.sub("^http:", "https:", clone_url))
    except RepositoryAddressError:
        raise MalformedError("repository.clone_url: must be the URL of a repository") from None
    if own.is_same_repository(pushed) or not own.is_ssh:
        return own.is_same_repository(pushed)
    try:
        return own.is_same_repository(RepositoryAddress.parse(_require_text(ssh_url, "repository.ssh_url")))
    except (RepositoryAddressError, MalformedError):
        return False


def _require_object(value: Any, name: str) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        raise MalformedError(f"{name or 'the body'}: must be an object")
    return value  # pyright: ignore[reportUnknownVariableType] - JSON objects have text keys


def _require_text(value: Any, name: str) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(value, str):
        raise MalformedError(f"{name}: must be a string")
    # JSON allows unpaired surrogates, DynamoDB does not.
    return value.encode(errors="replace").decode()
