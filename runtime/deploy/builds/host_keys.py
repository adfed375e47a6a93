"""Public keys of git servers. A build connects only to a server that has one of these keys."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

_PUBLIC_KEY: Final = re.compile(
    r"(?P<type>ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) (?P<blob>[A-Za-z0-9+/]+={0,2})"
)
_MAX_LENGTH: Final = 1_000  # an RSA key with 4,096 bits has 724 characters
_TYPE_LENGTH_BYTES: Final = 4

# Sources, with fingerprints compared on 2026-11-30:
# https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
# https://docs.gitlab.com/user/gitlab_com/#ssh-known_hosts-entries
# https://bitbucket.org/site/ssh
# The RSA keys are left out, because each of these servers also has the two other keys.
PUBLISHED: Final[Mapping[str, tuple[str, ...]]] = {
    "github.com": (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        (
            "ecdsa-sha2-nistp256 "
            "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9"
            "nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="
        ),
    ),
    "gitlab.com": (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf",
        (
            "ecdsa-sha2-nistp256 "
            "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFSMqzJeV9rUzU4kWitGjeR4PWSa"
            "29SPqJ1fVkhtj3Hw9xjLVXVYrU9QlYWrOLXBpQ6KWjbjTDTdDkoohFzgbEY="
        ),
    ),
    "bitbucket.org": (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO",
        (
            "ecdsa-sha2-nistp256 "
            "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPIQmuzMBuKdWeF4+a2sjSSpBK0i"
            "qitSQ+5BM9KhpexuGt20JpTVM7u5BDZngncgrqDMbWdxMWWOGtZ9UgbqgZE="
        ),
    ),
}
"""The published keys of well-known git servers, by host name."""


def find_host_key_problem(key: str) -> str | None:
    """Return the problem of a git server's public key, or None if the key is valid."""
    problem = "must be a public key in OpenSSH form, such as 'ssh-ed25519 AAAA...', without host and comment"
    match = _PUBLIC_KEY.fullmatch(key)
    if not match or len(key) > _MAX_LENGTH:
        return problem
    try:
        blob = base64.b64decode(match["blob"], validate=True)
    except binascii.Error:
        return problem
    # The blob begins with the length and the name of its type (RFC 4253, section 6.6).
    kind = match["type"].encode()
    return None if blob.startswith(len(kind).to_bytes(_TYPE_LENGTH_BYTES, "big") + kind) else problem
