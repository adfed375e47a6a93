"""Patterns of host names and origins, for settings and for component arguments, and URLs of hosts."""

import re
from typing import Final

import pulumi

from components.core.outputs import interpolate

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PORT: Final = r"(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
# Browsers read a host name whose last label is a number as an IP address. An IP address can have no DNS
# record and no ACM certificate.
_NOT_IP_ADDRESS: Final = r"(?!.*\.\d+(?:$|:))"

HOST: Final = rf"(?=.{{1,190}}$){_NOT_IP_ADDRESS}{_LABEL}(?:\.{_LABEL})*"
"""A host name of at most 190 characters. DNS allows 253, but a release id and a site name are added to it."""

DOMAIN: Final = rf"(?=.{{4,190}}$){_NOT_IP_ADDRESS}{_LABEL}(?:\.{_LABEL})+"
"""A host name with at least two labels, so that it can have a hosted zone."""

SITE_URL: Final = rf"https?://\{{host\}}(?::{_PORT})?"
"""The URL of a site, with the placeholder `{host}`."""

# Browsers omit the default port in the Origin header. An origin that names this port would never match.
_SECURE: Final = rf"https://(?!.*:443$){_NOT_IP_ADDRESS}{_LABEL}(?:\.{_LABEL})*(?::{_PORT})?"
_LOOPBACK: Final = rf"http://(?!.*:80$)(?:localhost|127\.0\.0\.1)(?::{_PORT})?"

ORIGIN: Final = rf"(?=.{{1,253}}$)(?:{_SECURE}|{_LOOPBACK})"
"""An origin as browsers send it: with https, or with http for localhost and 127.0.0.1."""

ORIGIN_FORMAT: Final = (
    "https://host in lower case, without the default port, a path or *; for development also "
    "http://localhost or http://127.0.0.1"
)

MAX_COMMON_NAME_LENGTH: Final = 64
"""Largest length of a certificate's common name, in characters (RFC 5280). ACM refuses longer ones."""

_ORIGIN: Final = re.compile(ORIGIN)


def is_origin(text: str) -> bool:
    """Return whether `text` is one complete origin, such as `https://app.example.com`."""
    return bool(_ORIGIN.fullmatch(text))


def build_url(pattern: str, host: pulumi.Input[str]) -> pulumi.Input[str]:
    """Return the URL for a host. `pattern` contains the placeholder `{host}` once (see `SITE_URL`)."""
    before, after = pattern.split("{host}")
    return interpolate(before, host, after)
