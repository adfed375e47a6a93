"""Derived secrets. They are not stored: KMS signs a name, and the signature is the secret."""

import base64
from collections.abc import MutableMapping

from attrs import field, frozen

from runtime.shared.aws import KMSClient

_MAX_CACHED = 1024  # maximum number of cached signatures; a full cache is emptied


@frozen
class Signer:
    """Derives secrets with the platform's signing key, and caches them in memory.

    Attributes:
        client: KMS client.
        key: ARN of an HMAC_256 key.
    """

    client: KMSClient = field(repr=False)
    key: str
    _known: MutableMapping[str, str] = field(factory=dict, init=False, repr=False, eq=False)

    def derive_webhook_secret(self, project_id: str, version: int) -> str:
        """Return the secret with which GitHub signs a project's webhooks: 64 lower-case hex digits."""
        return self._get_mac(f"webhook:{project_id}:{version}")

    def derive_origin_key(self, deployment_id: str) -> str:
        """Return the key that CloudFront sends to a release's functions: 40 lower-case hex digits."""
        return self._get_mac(f"origin:{deployment_id}")[:40]

    def derive_server_actions_key(self, project_id: str) -> str:
        """Return the encryption key of a project's Next.js server actions: base64 of 32 bytes.

        All builds of a project share this key. With a key per build, the same action would have another id in
        each build. A form that a visitor opened before a switch would then fail after the switch.
        """
        return base64.b64encode(bytes.fromhex(self._get_mac(f"server-actions:{project_id}"))).decode()

    def derive_cursor_key(self) -> bytes:
        """Return the key that signs list cursors: 32 bytes (`runtime.shared.cursors`)."""
        return bytes.fromhex(self._get_mac("cursors"))

    def _get_mac(self, message: str) -> str:
        if message not in self._known:
            response = self.client.generate_mac(
                KeyId=self.key, MacAlgorithm="HMAC_SHA_256", Message=message.encode()
            )
            mac: bytes = response["Mac"]
            if len(self._known) >= _MAX_CACHED:
                self._known.clear()
            self._known[message] = mac.hex()
        return self._known[message]
