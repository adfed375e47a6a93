"""What each setting of a stage alone may be, but not together with the others (G4)."""

from collections.abc import Iterator
from typing import Final

from components.core.hosts import LONGEST_CERTIFIED
from components.core.stage_settings import StageSettings

SETTING: Final = "anchor-deploy:stage"


def contradictions(stage: str, settings: StageSettings) -> list[str]:
    """One line for each contradiction: the setting, what it contradicts, what is allowed.

    Args:
        stage: The stage's name; production allows less.
        settings: What the stage's file says, each setting of which is right by itself.
    """
    return [*_of_sites(stage, settings), *_of_domain(stage, settings), *_of_images(stage, settings)]


def image_hosts(stage: str, zone: str) -> tuple[str, str]:
    """The hosts of the image service's API and of its delivery, in this order."""
    suffix = "" if stage == "production" else f"-{stage}"
    return f"images{suffix}.{zone}", f"images-cdn{suffix}.{zone}"


def _of_sites(stage: str, settings: StageSettings) -> Iterator[str]:
    if not settings.domain and len(settings.sites) > 1:
        yield (
            f"{SETTING}.sites has {len(settings.sites)} sites, but without {SETTING}.domain there is one "
            "host; allowed: one site, or a domain"
        )
    if settings.site_url != "https://{host}" and stage != "local":
        yield (
            f"{SETTING}.siteUrl is {settings.site_url!r}; allowed: https://{{host}}, since CloudFront serves "
            "sites over https on its own port alone"
        )
    names = [site.name for site in settings.sites]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"{SETTING}.sites[{index}].name is {name!r} again; allowed: a name no other site has"


def _of_domain(stage: str, settings: StageSettings) -> Iterator[str]:
    if settings.hosted_zone_id and not settings.domain:
        yield (f"{SETTING}.hostedZoneId is set without {SETTING}.domain; allowed: both, or neither")
    if settings.domain and not settings.hosted_zone_id and stage != "local":
        yield (
            f"{SETTING}.domain is set without {SETTING}.hostedZoneId, so that there is no certificate and no "
            "record; allowed: both (delegate the domain to a Route 53 zone, if it is elsewhere), or neither"
        )
    if settings.domain and settings.hosted_zone_id:
        if "." not in settings.domain:
            yield f"{SETTING}.domain is {settings.domain!r}; allowed: a domain of two labels and more"
        yield from _too_long(f"{SETTING}.domain", settings.domain, settings.domain)


def _of_images(stage: str, settings: StageSettings) -> Iterator[str]:
    images, path = settings.images, f"{SETTING}.images"
    if images.zone and not images.hosted_zone_id:
        yield f"{path}.zone is set without {path}.hostedZoneId; allowed: both, or neither"
    if images.hosted_zone_id and not images.zone:
        yield f"{path}.hostedZoneId is set without {path}.zone; allowed: both, or neither"
    if images.zone and stage == "local":
        yield f"{path}.zone is set, but nobody validates a certificate for this machine; allowed: no zone"
    if stage == "production":
        for index, origin in enumerate(images.cors_origins):
            if origin.startswith("http:"):
                yield f"{path}.corsOrigins[{index}] is {origin!r}; allowed: https origins alone in production"
    if images.zone:
        hosts = image_hosts(stage, images.zone)
        yield from _too_long(f"{path}.zone", images.zone, max(hosts, key=len))
        for index, site in enumerate(settings.sites):
            if f"{site.name}.{settings.domain}" in hosts:
                yield (
                    f"{SETTING}.sites[{index}].name is {site.name!r}, but {site.name}.{settings.domain} is a "
                    "host of the image service; allowed: another name, or another zone for images"
                )


def _too_long(path: str, value: str, name: str) -> Iterator[str]:
    if len(name) > LONGEST_CERTIFIED:
        yield (
            f"{path} is {value!r}, but a certificate's first name, {name!r}, has {len(name)} characters; "
            f"allowed: {LONGEST_CERTIFIED}"
        )
