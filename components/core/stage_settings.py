"""The settings that a stage's YAML file may contain, each with its rule."""

from typing import Final, Literal, get_args

import attrs

from components.core.hosts import DOMAIN, HOST, ORIGIN, ORIGIN_FORMAT, SITE_URL
from components.core.limits.quotas import Quotas
from components.core.scope import BUILD_MEMORY, LOG_RETENTION_DAYS, PYTHON_RUNTIMES, Architecture
from components.core.settings import (
    list_of,
    list_of_text,
    mapping_of,
    one_of,
    optional,
    required,
    text,
    true_or_false,
    whole_number,
)

StageKind = Literal["local", "dev", "staging", "production"]

KINDS: Final = get_args(StageKind)

_MAXIMUM_SITE_NAME: Final = 28
# The AWS CLI shows the id of a zone as `/hostedzone/<id>`.
_ZONE_ID: Final = text(
    r"Z[A-Z0-9]{1,31}",
    "the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ",
    removed_prefix="/hostedzone/",
)
_EMAIL: Final = r"[A-Za-z0-9._%+-]{1,64}@(?=.{4,190}$)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
# The host of a release starts with `<release>--<site>`, so a site name cannot contain two hyphens in a row.
_SITE_NAME: Final = rf"(?!.*--)[a-z][a-z0-9-]{{1,{_MAXIMUM_SITE_NAME - 2}}}[a-z0-9]"


@attrs.frozen(kw_only=True)
class SiteSettings:
    """Settings of one Next.js site.

    Attributes:
        name: Site name, 3 to 28 characters. Part of host names and resource names.
        memory: Memory of the function that renders pages, in MB. CPU power grows with it.
        timeout: Time in seconds that the function may need to answer a request completely. Whatever the
            value, an answer must begin within 55 seconds, because CloudFront waits at most 60 seconds.
        build_compute_type: CodeBuild's compute type for the builds of the site. A larger one has more memory
            and more CPUs, and costs more.
        allow_vulnerable_next: Whether releases with a Next.js version with known security holes are allowed.
            The list of these versions is `runtime/deploy/releases/build_output/next_holes.json`.
        max_concurrency: Requests that the function that renders pages answers at the same time, in all
            releases together. Lambda reserves this concurrency. Further requests get an error.
        max_image_concurrency: The same for the function that optimizes images.
    """

    name: str = required(
        text(
            _SITE_NAME,
            "3 to 28 of a-z, 0-9 and single hyphens; starts with a letter and does not end with a hyphen",
        )
    )
    memory: int = optional(whole_number(128, 10240, "MB"), default=1024)
    timeout: int = optional(whole_number(1, 900, "seconds"), default=30)
    build_compute_type: str = optional(one_of(*BUILD_MEMORY), default="BUILD_GENERAL1_SMALL")
    allow_vulnerable_next: bool = optional(true_or_false(), default=False)
    max_concurrency: int = optional(whole_number(1, 100_000, "requests"), default=50)
    max_image_concurrency: int = optional(whole_number(1, 100_000, "requests"), default=10)


@attrs.frozen(kw_only=True)
class ImageSettings:
    """Settings of the image service.

    Attributes:
        cors_origins: Origins of the web pages that may call the API and show images, 1 to 20.
        zone: Parent domain of the API (`images-<stage>.<zone>`) and of the images
            (`images-cdn-<stage>.<zone>`). The stage `production` leaves out its name. Without a zone, the API
            and the images have the host names that AWS assigns.
        hosted_zone_id: Id of the Route 53 zone for the certificates and records of `zone`.
        maximum_megabytes: Largest image that can be uploaded, in MB.
    """

    cors_origins: tuple[str, ...] = required(list_of_text(ORIGIN, ORIGIN_FORMAT, max_entries=20))
    zone: str | None = optional(text(DOMAIN, "a domain in lower case, such as example.com"))
    hosted_zone_id: str | None = optional(_ZONE_ID)
    maximum_megabytes: int = optional(whole_number(1, 100, "MB"), default=25)

    @property
    def maximum_bytes(self) -> int:
        """Largest image, in bytes."""
        return self.maximum_megabytes * 1024 * 1024


@attrs.frozen(kw_only=True)
class BudgetSettings:
    """Monthly budget of the stage. AWS sends a mail at 50, 80 and 100 % of it, and when it forecasts 100 %.

    The budget counts the costs of resources with the tag `Stage`. Activate this tag once as a cost allocation
    tag of the account. A budget stops nothing.

    Attributes:
        monthly_dollars: Costs of a month, in US dollars.
        emails: Addresses that receive the mails.
    """

    monthly_dollars: int = required(whole_number(1, 1_000_000, "US dollars"))
    emails: tuple[str, ...] = required(
        list_of_text(_EMAIL, "an e-mail address, such as ops@example.com", max_entries=10)
    )


_QUOTAS: Final = Quotas()


@attrs.frozen(kw_only=True)
class QuotaSettings(Quotas):
    """Quotas of each user. A request above a quota is refused with the quota, the limit and the used number.

    Attributes:
        projects: Projects of a user. Each project uses a site.
        queued_deployments: Deployments of a user that wait for their build, of all projects together. A push
            above this quota is refused, and GitHub shows the reason.
        pending_images: Images of a user that wait for their upload. An image that is never uploaded counts
            for 24 hours.
        stored_images: Images of a user, including images that wait for their upload.
        stored_megabytes: Size of all images of a user in MB, including the sizes that forms allow.
        promotions_per_minute: Promotions of a project in a minute. A further one is answered with 429.
        manual_deployments_per_hour: Deployments that a user starts through the API in an hour.
        build_minutes_per_day: Minutes of all builds of a user that end on a day (UTC). Above this quota, new
            deployments are refused until the next day. Running and queued builds continue.
        image_deletions_per_day: Delivered images that a user deletes on a day (UTC). Each deletion
            invalidates a path in CloudFront, and an account pays for more than 1,000 paths in a month.
    """

    projects: int = optional(whole_number(1, 500, "projects"), default=_QUOTAS.projects)
    queued_deployments: int = optional(
        whole_number(1, 1000, "deployments"), default=_QUOTAS.queued_deployments
    )
    pending_images: int = optional(whole_number(1, 1000, "images"), default=_QUOTAS.pending_images)
    stored_images: int = optional(whole_number(1, 10_000_000, "images"), default=_QUOTAS.stored_images)
    stored_megabytes: int = optional(whole_number(1, 10_000_000, "MB"), default=_QUOTAS.stored_megabytes)
    promotions_per_minute: int = optional(
        whole_number(1, 1000, "promotions"), default=_QUOTAS.promotions_per_minute
    )
    manual_deployments_per_hour: int = optional(
        whole_number(1, 10_000, "deployments"), default=_QUOTAS.manual_deployments_per_hour
    )
    build_minutes_per_day: int = optional(
        whole_number(1, 100_000, "minutes"), default=_QUOTAS.build_minutes_per_day
    )
    image_deletions_per_day: int = optional(
        whole_number(1, 1_000_000, "images"), default=_QUOTAS.image_deletions_per_day
    )


_DEFAULT_QUOTAS: Final = QuotaSettings()


@attrs.frozen(kw_only=True)
class StageSettings:
    """Settings under `anchor-deploy:stage` in a stage's YAML file, in camelCase.

    Attributes:
        kind: The kind decides which rules the stage follows. Only `production` retains its data. The stage of
            `make up` has the kind `local`. If the stage has the name of a kind, this kind is the default.
        domain: Parent domain of the sites: a site's host is `<site>.<domain>`. Without it, the stage has one
            site, on the host name of the distribution.
        hosted_zone_id: Id of the Route 53 zone for the certificate and the records of `domain`.
        accepted_cookie_domains: Domains that the sites share with web applications. A script of a site can
            set cookies for all hosts of such a domain. List a domain only if you trust all owners of sites.
        site_url: URL of a site. `{host}` is replaced by the site's host.
        architecture: CPU architecture of all functions.
        python_runtime: Lambda runtime of the platform's own functions.
        log_retention_days: Days for which CloudWatch keeps logs.
        sites: Sites of the stage.
        api_cors_origins: Origins of the web pages that may call the platform's API from a browser.
        images: Image service.
        alert_emails: Addresses that receive alarms. AWS sends two links to each address, one for each alarm
            topic. The owner of the address must open both links once.
        kept_releases: Number of newest releases kept for each project, for rollback. The live release is
            always kept.
        concurrent_builds: Number of builds that run at the same time, of all projects together. Other builds
            wait in order. Set CodeBuild's quota to at least this number; above the quota, CodeBuild starts
            builds in any order.
        account_concurrency: Concurrent executions of functions that the stage can use: the quota of Lambda in
            the account and region, without what other stages and programs reserve. With more than 100, each
            function of the platform and of the sites has reserved concurrency. With 100 or less, as in most
            new accounts, nothing is reserved.
        quotas: Quotas of each user.
        budget: Monthly budget. Without it, AWS sends no mail about costs.
    """

    # None only in settings that `StageConfig.parse` has not completed.
    kind: StageKind = optional(one_of(*KINDS))  # noqa: RUF009 - an attrs field
    domain: str | None = optional(text(HOST, "a host name in lower case, such as sites.example.com"))
    hosted_zone_id: str | None = optional(_ZONE_ID)
    accepted_cookie_domains: tuple[str, ...] = optional(
        list_of_text(DOMAIN, "a domain in lower case, such as example.com", max_entries=20), default=()
    )
    site_url: str = optional(
        text(SITE_URL, "http(s)://{host}, with or without a port"), default="https://{host}"
    )
    architecture: Architecture = required(one_of(*get_args(Architecture)))  # noqa: RUF009 - an attrs field
    python_runtime: str = required(one_of(*PYTHON_RUNTIMES))
    log_retention_days: int = required(one_of(*LOG_RETENTION_DAYS))
    sites: tuple[SiteSettings, ...] = required(list_of(SiteSettings, "a list of sites with name and memory"))
    api_cors_origins: tuple[str, ...] = optional(
        list_of_text(ORIGIN, ORIGIN_FORMAT, max_entries=20), default=()
    )
    images: ImageSettings = required(mapping_of(ImageSettings, "a mapping with corsOrigins"))  # noqa: RUF009 - an attrs field
    alert_emails: tuple[str, ...] = optional(
        list_of_text(_EMAIL, "an e-mail address, such as ops@example.com", max_entries=20), default=()
    )
    kept_releases: int = optional(whole_number(3, 100, "releases"), default=10)
    concurrent_builds: int = optional(whole_number(1, 500, "builds"), default=10)
    account_concurrency: int = optional(whole_number(10, 1_000_000, "executions"), default=1000)
    quotas: QuotaSettings = optional(  # noqa: RUF009 - an attrs field
        mapping_of(QuotaSettings, "a mapping of quotas"), default=_DEFAULT_QUOTAS
    )
    budget: BudgetSettings | None = optional(  # noqa: RUF009 - an attrs field
        mapping_of(BudgetSettings, "a mapping of monthlyDollars and emails")
    )
