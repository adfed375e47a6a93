"""GitHub's side of a push: a real push payload about our repository, signed and delivered.

The payload is one that GitHub sent (see `examples/github-webhooks`); only what says which
repository, branch and commit it is about is replaced.
"""

import hashlib
import hmac
import json
import uuid
from pathlib import Path
from typing import Any

import requests
from attrs import field, frozen

PAYLOADS = Path(__file__).parent.parent / "examples" / "github-webhooks"
NO_COMMIT = "0" * 40


def push_payload(
    *, repository_url: str, sha: str, message: str, branch: str = "main", before: str = NO_COMMIT
) -> dict[str, Any]:
    """A real push payload, with the given repository, branch and head commit in it."""
    payload: dict[str, Any] = json.loads((PAYLOADS / "push.json").read_text())
    full_name = repository_url.removeprefix("https://github.com/").removesuffix(".git")
    commit = {
        **(payload["head_commit"] or {}),
        "id": sha,
        "message": message,
        "url": f"{repository_url}/commit/{sha}",
    }
    repository = {
        **payload["repository"],
        "name": full_name.rpartition("/")[2],
        "full_name": full_name,
        "html_url": repository_url,
        "url": repository_url,
        "clone_url": f"{repository_url}.git",
    }
    return {
        **payload,
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": sha,
        "head_commit": commit,
        "commits": [commit],
        "repository": repository,
    }


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@frozen(kw_only=True)
class Webhook:
    """A repository's webhook: where GitHub delivers to, and the secret it signs with."""

    url: str
    secret: str = field(repr=False)

    def deliver(
        self,
        payload: dict[str, Any] | bytes,
        *,
        event: str = "push",
        sign: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Deliver one event as GitHub does; `sign` replaces the signature ("" leaves it away)."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/044aadd",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": signature(self.secret, body) if sign is None else sign,
            **(headers or {}),
        }
        if not sent["X-Hub-Signature-256"]:
            del sent["X-Hub-Signature-256"]
        return requests.post(self.url, data=body, headers=sent, timeout=30)
