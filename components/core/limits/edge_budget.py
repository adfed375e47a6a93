"""The share of each release in the edge's KeyValueStore, which all sites of a stage use."""

from typing import Final

STORE_BYTES: Final = 5_000_000
"""Largest size of a KeyValueStore, keys and values together. AWS does not raise this limit."""

ALARM_PERCENT: Final = 70
"""From this size on, operators are told that the store is filling up."""

# The rest is for keys of the platform itself, and for releases whose sites are no longer declared.
_SITES_BYTES: Final = STORE_BYTES * 95 // 100
# Entries of a site in addition to those of its kept releases: the site's own host, an older live release, the
# release that is being published, and one whose status changes at the same time.
_MORE_ENTRIES: Final = 4
# 24 keys with fingerprints of files and the host's key, each with a value of 1,000 bytes and a key of a
# hundred. More would make no site faster (runtime/deploy/releases/edge_store.py).
MAX_RELEASE_BYTES: Final = 27_500
MIN_RELEASE_BYTES: Final = 450
"""The least that a release needs: a site without split functions and without files that the edge knows."""


def compute_release_bytes(*, sites: int, kept_releases: int) -> int:
    """Return the number of bytes that each release may use in the store.

    If each release of each site uses them, all sites together still fit into the store. So no site can stop
    the releases of others.

    Args:
        sites: Number of declared sites.
        kept_releases: Number of releases that each project keeps.
    """
    share = _SITES_BYTES // max(1, sites) // (kept_releases + _MORE_ENTRIES)
    return min(share, MAX_RELEASE_BYTES)


def compute_max_sites(*, kept_releases: int) -> int:
    """Return the largest number of sites whose releases fit into the store with the least share."""
    return _SITES_BYTES // MIN_RELEASE_BYTES // (kept_releases + _MORE_ENTRIES)
