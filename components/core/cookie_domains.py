"""Domains within which hosts can set cookies for each other, according to the Public Suffix List."""

from functools import lru_cache

from publicsuffixlist import PublicSuffixList


def find_cookie_domain(host: str) -> str | None:
    """Return the largest domain for which browsers let a host set cookies: its registrable domain.

    Browsers refuse cookies for a public suffix, such as `com`, `co.uk` or `github.io`. So two hosts can set
    cookies for each other if their registrable domain is the same.

    Args:
        host: Host name in lower case, without a port.

    Returns:
        The domain; None if the host itself is a public suffix or has only one label.
    """
    return _load_public_suffix_list().privatesuffix(host)


def is_public_suffix(domain: str) -> bool:
    """Return whether hosts directly below a domain cannot set cookies for each other."""
    return find_cookie_domain(f"x.{domain}") == f"x.{domain}"


@lru_cache
def _load_public_suffix_list() -> PublicSuffixList:
    return PublicSuffixList()
