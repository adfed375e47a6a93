"""Placeholders in the shipped stage files, such as `example.com`, which cannot be deployed to AWS."""

import re
from collections.abc import Iterator
from typing import Final

from components.core.consistency import SETTING
from components.core.stage_settings import StageSettings

# The domains that are reserved for examples (RFC 2606), with their subdomains.
_DOMAIN: Final = re.compile(r"(?:.+[.@/])?example\.(?:com|net|org)(?::\d+)?")
_MAILBOX: Final = "the address of a mailbox that somebody reads"
_ZONE_ID: Final = re.compile(r"Z0EXAMPLE[A-Z0-9]*|Z0123456789ABCDEFGHIJ")


def find_placeholders(settings: StageSettings) -> Iterator[str]:
    """Yield one line for each placeholder: the setting, its value, and what to write there."""
    zone_id = "the id of your Route 53 hosted zone (`aws route53 list-hosted-zones`)"
    images = settings.images
    yield from _check(_DOMAIN, f"{SETTING}.domain", settings.domain, "your own domain, or no domain")
    yield from _check(_ZONE_ID, f"{SETTING}.hostedZoneId", settings.hosted_zone_id, zone_id)
    for index, origin in enumerate(images.cors_origins):
        path = f"{SETTING}.images.corsOrigins[{index}]"
        yield from _check(_DOMAIN, path, origin, "the origin of your own web application")
    yield from _check(_DOMAIN, f"{SETTING}.images.zone", images.zone, "your own domain, or no zone")
    yield from _check(_ZONE_ID, f"{SETTING}.images.hostedZoneId", images.hosted_zone_id, zone_id)
    for index, address in enumerate(settings.alert_emails):
        path = f"{SETTING}.alertEmails[{index}]"
        yield from _check(_DOMAIN, path, address, _MAILBOX)
    for index, address in enumerate(settings.budget.emails if settings.budget else ()):
        path = f"{SETTING}.budget.emails[{index}]"
        yield from _check(_DOMAIN, path, address, _MAILBOX)


def _check(placeholder: "re.Pattern[str]", path: str, value: str | None, allowed: str) -> Iterator[str]:
    if value and placeholder.fullmatch(value):
        yield f"{path}: {value!r} is a placeholder; allowed: {allowed}"
