"""Checks of stage settings against each other, and against the name and the kind of the stage."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from components.core.cookie_domains import find_cookie_domain
from components.core.hosts import MAX_COMMON_NAME_LENGTH
from components.core.limits.concurrency import PLATFORM, UNRESERVED, count_batches
from components.core.limits.edge_budget import (
    MIN_RELEASE_BYTES,
    STORE_BYTES,
    compute_max_sites,
    compute_release_bytes,
)
from components.core.stage_names import MAX_STAGE_AND_SITE_LENGTH
from components.core.stage_settings import StageKind, StageSettings

SETTING: Final = "anchor-deploy:stage"


def find_contradictions(stage: str, kind: StageKind, settings: StageSettings) -> list[str]:
    """Return one line for each contradiction: the setting, the conflict and the allowed values.

    Args:
        stage: Name of the stage.
        kind: Kind of the stage. Some rules differ for `production` and `local`.
        settings: Settings of the stage. Each single setting has already passed the check of its own rule.
    """
    return [
        *_check_sites(stage, kind, settings),
        *_check_domain(kind, settings),
        *_check_images(stage, kind, settings),
        *_check_quotas(settings),
        *_check_concurrency(settings),
        *_check_cookie_domains(settings),
        *_check_edge_store(settings),
    ]


def build_image_hosts(stage: str, zone: str) -> tuple[str, str]:
    """Return the host of the image service's API and the host of its distribution.

    Only for the stage `production`, the hosts do not contain the stage's name. Other stages of the kind
    `production` can have the same zone, so their hosts must differ.
    """
    suffix = "" if stage == "production" else f"-{stage}"
    return f"images{suffix}.{zone}", f"images-cdn{suffix}.{zone}"


def _check_sites(stage: str, kind: StageKind, settings: StageSettings) -> Iterator[str]:
    if not settings.domain and len(settings.sites) > 1:
        yield (
            f"{SETTING}.sites has {len(settings.sites)} sites, but without {SETTING}.domain there is only "
            "one host; allowed: one site, or a domain"
        )
    if settings.site_url != "https://{host}" and kind != "local":
        yield (
            f"{SETTING}.siteUrl is {settings.site_url!r}; allowed: https://{{host}}, because CloudFront "
            "serves sites over HTTPS on port 443 only"
        )
    names = [site.name for site in settings.sites]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"{SETTING}.sites[{index}].name is {name!r}, which another site has; allowed: a unique name"
        if len(stage) + len(name) > MAX_STAGE_AND_SITE_LENGTH:
            yield (
                f"{SETTING}.sites[{index}].name has {len(name)} characters, which is too long together with "
                f"the stack's name {stage!r}; allowed: at most {MAX_STAGE_AND_SITE_LENGTH - len(stage)} "
                "characters, or a shorter name of the stack"
            )


def _check_domain(kind: StageKind, settings: StageSettings) -> Iterator[str]:
    if settings.hosted_zone_id and not settings.domain:
        yield (f"{SETTING}.hostedZoneId is set without {SETTING}.domain; allowed: both, or neither")
    if settings.domain and not settings.hosted_zone_id and kind != "local":
        yield (
            f"{SETTING}.domain is set without {SETTING}.hostedZoneId, which the certificate and the records "
            "need; allowed: both (for a domain at another DNS provider, delegate it to a Route 53 zone), or "
            "neither"
        )
    if settings.domain and settings.hosted_zone_id:
        if "." not in settings.domain:
            yield f"{SETTING}.domain is {settings.domain!r}; allowed: a domain with at least two labels"
        yield from _check_common_name_length(f"{SETTING}.domain", settings.domain, settings.domain)


def _check_images(stage: str, kind: StageKind, settings: StageSettings) -> Iterator[str]:
    images, path = settings.images, f"{SETTING}.images"
    if images.zone and not images.hosted_zone_id:
        yield f"{path}.zone is set without {path}.hostedZoneId; allowed: both, or neither"
    if images.hosted_zone_id and not images.zone:
        yield f"{path}.hostedZoneId is set without {path}.zone; allowed: both, or neither"
    if images.zone and kind == "local":
        yield f"{path}.zone is set, but the local stage has no certificate; allowed: no zone"
    if kind == "production":
        for index, origin in enumerate(images.cors_origins):
            if origin.startswith("http:"):
                yield f"{path}.corsOrigins[{index}] is {origin!r}; allowed: only https origins in production"
    if images.zone:
        hosts = build_image_hosts(stage, images.zone)
        yield from _check_common_name_length(f"{path}.zone", images.zone, max(hosts, key=len))
        for index, site in enumerate(settings.sites):
            if f"{site.name}.{settings.domain}" in hosts:
                yield (
                    f"{SETTING}.sites[{index}].name is {site.name!r}, but {site.name}.{settings.domain} is a "
                    "host of the image service; allowed: another site name, or another images zone"
                )


def _check_quotas(settings: StageSettings) -> Iterator[str]:
    stored, largest = settings.quotas.stored_megabytes, settings.images.maximum_megabytes
    if stored < largest:
        yield (
            f"{SETTING}.quotas.storedMegabytes is {stored}, less than {SETTING}.images.maximumMegabytes, "
            f"{largest}, so no user could upload the largest image; allowed: at least the same number"
        )


def count_reserved(settings: StageSettings) -> int:
    """Return the concurrency that all functions of a stage reserve together."""
    sites = sum(site.max_concurrency + site.max_image_concurrency for site in settings.sites)
    return sum(PLATFORM.values()) + 2 * count_batches(settings.concurrent_builds) + sites


def _check_concurrency(settings: StageSettings) -> Iterator[str]:
    available, needed = settings.account_concurrency, count_reserved(settings) + UNRESERVED
    if UNRESERVED < available < needed:
        yield (
            f"{SETTING}.accountConcurrency is {available}, but the functions of {len(settings.sites)} sites "
            f"and of the platform reserve {needed - UNRESERVED}, and Lambda keeps {UNRESERVED} for other "
            f"functions; allowed: at least {needed} (request it in Service Quotas), lower values of "
            f"maxConcurrency of the sites, or at most {UNRESERVED}, with which nothing is reserved"
        )


def _check_edge_store(settings: StageSettings) -> Iterator[str]:
    sites, kept = len(settings.sites), settings.kept_releases
    if compute_release_bytes(sites=sites, kept_releases=kept) < MIN_RELEASE_BYTES:
        yield (
            f"{SETTING}.sites has {sites} sites, and {SETTING}.keptReleases is {kept}: their releases do not "
            f"fit into the edge's KeyValueStore of {STORE_BYTES:,} bytes; allowed: at most "
            f"{compute_max_sites(kept_releases=kept)} sites with this number of kept releases, or fewer kept "
            "releases, or a second stage"
        )


def _check_cookie_domains(settings: StageSettings) -> Iterator[str]:
    """Yield one line for each web application for which a site can set cookies."""
    if not settings.domain:
        return
    hosts = {f"{site.name}.{settings.domain}" for site in settings.sites}
    for path, origins in (
        (f"{SETTING}.apiCorsOrigins", settings.api_cors_origins),
        (f"{SETTING}.images.corsOrigins", settings.images.cors_origins),
    ):
        for index, origin in enumerate(origins):
            application = urlsplit(origin).hostname or ""
            shared = find_cookie_domain(application)
            # An application can itself be a site. It is then affected only by the other sites.
            others = {find_cookie_domain(host) for host in hosts - {application}}
            if shared and shared in others and shared not in settings.accepted_cookie_domains:
                yield (
                    f"{path}[{index}] is {origin!r}, and {SETTING}.domain is {settings.domain!r}, so sites "
                    "can set cookies for this application; allowed: a domain for the sites that is not below "
                    f"{shared}, or {shared} in {SETTING}.acceptedCookieDomains"
                )


def _check_common_name_length(path: str, value: str, common_name: str) -> Iterator[str]:
    if len(common_name) > MAX_COMMON_NAME_LENGTH:
        yield (
            f"{path} is {value!r}, but the certificate's common name, {common_name!r}, has "
            f"{len(common_name)} characters; allowed: at most {MAX_COMMON_NAME_LENGTH}"
        )
