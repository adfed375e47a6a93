"""What host names and origins look like, for settings and for components that take them from elsewhere."""

import re
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PORT: Final = r"(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
# A name that ends in a number is an address, to which no certificate and no record can be given.
_NO_ADDRESS: Final = r"(?!.*\.\d+(?:$|:))"

HOST: Final = rf"(?=.{{1,190}}$){_NO_ADDRESS}{_LABEL}(?:\.{_LABEL})*"
"""A host name, with room before it for a release's id and a site's name: 60 of the 253 characters of DNS."""

DOMAIN: Final = rf"(?=.{{4,190}}$){_NO_ADDRESS}{_LABEL}(?:\.{_LABEL})+"
"""A host name that has a zone: of two labels and more."""

SITE_URL: Final = rf"https?://\{{host\}}(?::{_PORT})?"
"""The URL of a site, with `{host}` in place of its host."""

# Browsers leave out the port of the scheme: an origin with it would never match.
_SECURE: Final = rf"https://(?!.*:443$){_NO_ADDRESS}{_LABEL}(?:\.{_LABEL})*(?::{_PORT})?"
_LOOPBACK: Final = rf"http://(?!.*:80$)(?:localhost|127\.0\.0\.1)(?::{_PORT})?"

ORIGIN: Final = rf"(?=.{{1,253}}$)(?:{_SECURE}|{_LOOPBACK})"
"""The origin of a page as browsers send it: over https, or from this machine."""

ORIGIN_IS: Final = (
    "https://host in lower case, with a port unless it is 443 (or http://localhost, http://127.0.0.1 while "
    "developing); no *, no path"
)

LONGEST_CERTIFIED: Final = 64
"""Characters of a certificate's first name (RFC 5280's common name), which ACM refuses to exceed."""

_ORIGIN: Final = re.compile(ORIGIN)


def is_origin(text: str) -> bool:
    """Whether `text` is one origin in full, as `https://app.example.com`."""
    return bool(_ORIGIN.fullmatch(text))
