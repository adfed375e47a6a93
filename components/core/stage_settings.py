"""The settings that a stage's file may contain, each with the rule that reads it."""

from typing import Final, Literal

import attrs

from components.core.hosts import DOMAIN, HOST, ORIGIN, ORIGIN_IS, SITE_URL
from components.core.settings import (
    list_of,
    list_of_text,
    mapping_of,
    one_of,
    optional,
    required,
    text,
    whole_number,
)

Architecture = Literal["arm64", "x86_64"]

_MAXIMUM_SITE_NAME: Final = 28
# The periods CloudWatch Logs knows; it refuses every other number of days.
# fmt: off
_RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)
# fmt: on

_ZONE_ID: Final = text(r"Z[A-Z0-9]{1,31}", "the id of a Route 53 hosted zone, as Z0123456789ABCDEFGHIJ")
_MAIL: Final = r"[A-Za-z0-9._%+-]{1,64}@(?=.{4,190}$)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
# Two hyphens in a row separate the deployment from the site in a release's own host.
_SITE_NAME: Final = rf"(?!.*--)[a-z][a-z0-9-]{{1,{_MAXIMUM_SITE_NAME - 2}}}[a-z0-9]"


@attrs.frozen(kw_only=True)
class SiteSettings:
    """One Next.js site.

    Attributes:
        name: 3 to 28 characters; part of host names and of the names of the site's resources.
        memory: MB of the function that renders pages. CPU grows with it.
    """

    name: str = required(
        text(
            _SITE_NAME,
            "3 to 28 of a-z, 0-9 and single hyphens, beginning with a letter, no hyphen at the end",
        )
    )
    memory: int = optional(whole_number(128, 10240, "MB"), default=1024)


@attrs.frozen(kw_only=True)
class ImageSettings:
    """The image service.

    Attributes:
        cors_origins: The web pages that may call its API and show its images, 1 to 20.
        zone: Its API is at `images-<stage>.<zone>` and its images at `images-cdn-<stage>.<zone>`, in
            production without the stage. Without it, both have the names AWS gives them.
        hosted_zone_id: The Route 53 zone of `zone`; certificates and records are made there.
        maximum_megabytes: The largest image that can be uploaded.
    """

    cors_origins: tuple[str, ...] = required(list_of_text(ORIGIN, ORIGIN_IS, most=20))
    zone: str | None = optional(text(DOMAIN, "a domain in lower case, as example.com"))
    hosted_zone_id: str | None = optional(_ZONE_ID)
    maximum_megabytes: int = optional(whole_number(1, 100, "MB"), default=25)

    @property
    def maximum_bytes(self) -> int:
        """The largest image, in bytes."""
        return self.maximum_megabytes * 1024 * 1024


@attrs.frozen(kw_only=True)
class StageSettings:
    """What a stage's YAML file says under `anchor-deploy:stage`, in camelCase.

    Attributes:
        domain: Sites are `<site>.<domain>`. Without it there is one site, on the distribution's own name.
        hosted_zone_id: The Route 53 zone of `domain`; certificate and records are made there.
        site_url: How a site's host becomes its URL; `{host}` stands for the host.
        architecture: The CPU of all functions.
        python_runtime: The Lambda runtime of the platform's own functions.
        log_retention_days: How long CloudWatch keeps the logs.
        sites: The sites of the stage.
        images: The image service.
        alert_emails: Who is mailed when an alarm rings. Each confirms it once, by a link in a first mail.
        kept_releases: How many of its newest releases each project keeps, to go back to. What is live is kept
            besides.
        concurrent_builds: How many builds of all projects run at the same time; the others wait for their
            turn. CodeBuild's quota is to be as large: beyond it, chance decides who waits.
    """

    domain: str | None = optional(text(HOST, "a host name in lower case, as sites.example.com"))
    hosted_zone_id: str | None = optional(_ZONE_ID)
    site_url: str = optional(
        text(SITE_URL, "http(s)://{host}, with or without a port"), default="https://{host}"
    )
    architecture: Architecture = required(one_of("arm64", "x86_64"))  # noqa: RUF009 - an attrs field
    python_runtime: str = required(one_of("python3.11", "python3.12", "python3.13", "python3.14"))
    log_retention_days: int = required(one_of(*_RETENTION_DAYS))
    sites: tuple[SiteSettings, ...] = required(list_of(SiteSettings, "a list of sites with name and memory"))
    images: ImageSettings = required(mapping_of(ImageSettings, "a mapping with corsOrigins"))  # noqa: RUF009 - an attrs field
    alert_emails: tuple[str, ...] = optional(
        list_of_text(_MAIL, "an e-mail address, as ops@example.com", most=20), default=()
    )
    kept_releases: int = optional(whole_number(3, 100, "releases"), default=10)
    concurrent_builds: int = optional(whole_number(1, 500, "builds"), default=10)
