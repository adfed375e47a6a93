"""Secrets that are derived, not stored: KMS signs a name, and the signature is the secret."""

import base64
from collections.abc import MutableMapping

from attrs import field, frozen

from runtime.shared.aws import KMSClient

_MAX_CACHED = 1024  # signatures that a warm function keeps; a flood of made-up names only starts it anew


@frozen
class Signer:
    """Derives secrets with the platform's signing key, remembering them while the function is warm.

    Attributes:
        client: KMS client.
        key: ARN of an HMAC_256 key.
    """

    client: KMSClient = field(repr=False)
    key: str
    _known: MutableMapping[str, str] = field(factory=dict, init=False, repr=False, eq=False)

    def derive_webhook_secret(self, project_id: str, version: int) -> str:
        """Return the secret that GitHub signs a project's pushes with: 64 lower-case hex digits."""
        return self._mac(f"webhook:{project_id}:{version}")

    def derive_origin_key(self, deployment_id: str) -> str:
        """Return the key that the edge shows to a release's functions: 40 lower-case hex digits."""
        return self._mac(f"origin:{deployment_id}")[:40]

    def derive_server_actions_key(self, project_id: str) -> str:
        """Return the key that Next.js encrypts a project's server actions with: base64 of 32 bytes.

        One for all builds of a project: with a key of its own, each build would give the actions other names,
        and a form that was opened before a switch would fail after it.
        """
        return base64.b64encode(bytes.fromhex(self._mac(f"server-actions:{project_id}"))).decode()

    def derive_cursor_key(self) -> bytes:
        """Return the key that cursors of lists are signed with: 32 bytes (`runtime.shared.cursors`)."""
        return bytes.fromhex(self._mac("cursors"))

    def _mac(self, message: str) -> str:
        if message not in self._known:
            response = self.client.generate_mac(
                KeyId=self.key, MacAlgorithm="HMAC_SHA_256", Message=message.encode()
            )
            mac: bytes = response["Mac"]
            if len(self._known) >= _MAX_CACHED:
                self._known.clear()
            self._known[message] = mac.hex()
        return self._known[message]
