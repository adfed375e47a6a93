"""GitHub's side of a webhook: push payloads, signatures and deliveries.

The payload was recorded from GitHub (see `examples/github-webhooks`). Only the repository, the branch and
the commit are replaced.
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


def create_push_payload(
    *, repository_url: str, sha: str, message: str, branch: str = "main", before: str = NO_COMMIT
) -> dict[str, Any]:
    """Return a recorded push payload with the given repository, branch and head commit."""
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


def sign_body(secret: str, body: bytes) -> str:
    """Return the value of `X-Hub-Signature-256` for a body.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@frozen(kw_only=True)
class Webhook:
    """A repository's webhook: the URL that GitHub delivers to, and the signing secret."""

    url: str
    secret: str = field(repr=False)

    def deliver(
        self,
        payload: dict[str, Any] | bytes,
        *,
        event: str = "push",
        signature: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Deliver one event as GitHub does.

        Args:
            payload: JSON, or a raw body.
            event: The value of `X-GitHub-Event`.
            signature: Replaces the correct signature. An empty string omits the header.
            headers: Additional headers.
        """
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/044aadd",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": sign_body(self.secret, body) if signature is None else signature,
            **(headers or {}),
        }
        if not sent["X-Hub-Signature-256"]:
            del sent["X-Hub-Signature-256"]
        return requests.post(self.url, data=body, headers=sent, timeout=30)
