"""Generates key pairs for SSH with the AWS Common Runtime (awscrt).

This module must only be imported in a function with the layer `edge`, which contains awscrt.
"""

import textwrap
from typing import Final

from awscrt.crypto import ED25519, ED25519ExportFormat

from runtime.deploy.repositories.deploy_keys import KeyPair

_LINE_LENGTH: Final = 70  # the same as in files of ssh-keygen


def make_key_pair() -> KeyPair:
    """Return a new Ed25519 key pair in OpenSSH form."""
    pair = ED25519.new_generate()
    public = pair.export_public_key(ED25519ExportFormat.OPENSSH_B64).decode()
    private = pair.export_private_key(ED25519ExportFormat.OPENSSH_B64).decode()
    lines = ["-----BEGIN OPENSSH PRIVATE KEY-----", *textwrap.wrap(private, _LINE_LENGTH)]
    return KeyPair(
        public_key=f"ssh-ed25519 {public}",
        private_key="\n".join([*lines, "-----END OPENSSH PRIVATE KEY-----", ""]),
    )
