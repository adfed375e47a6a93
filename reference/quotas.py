"""The part of docs/costs.md that says which quotas of AWS a stage meets first."""

from typing import Final

from attrs import fields, frozen

from components.core.stage_settings import StageSettings
from reference.counts import counts
from reference.markdown import table
from runtime.deploy.releases.edge_store import EdgeEntry, build_edge_keys, release_host

KEPT_RELEASES: Final[int] = fields(StageSettings).kept_releases.default
# The zips of the example site's functions, as Lambda keeps them.
RELEASE_MEGABYTES: Final = 15


@frozen(kw_only=True)
class Quota:
    """A quota of AWS that grows with the sites.

    Attributes:
        name: As Service Quotas calls it.
        default: What an account has that never asked for more.
        site: How much of it a site takes.
        most: What AWS gives on request.
        remark: What to know of it.
    """

    name: str
    default: float
    unit: str
    site: float
    most: str
    remark: str

    @property
    def sites(self) -> int:
        """How many sites fit."""
        return int(self.default // self.site)


def _edge_bytes() -> int:
    """What a site takes of the KeyValueStore: its host, and those of the releases that are kept."""
    function_url = f"{'x' * 32}.lambda-url.ap-southeast-1.on.aws"
    entry = EdgeEntry(
        deployment_id="01JD3Q5B7Y9ZP6V8X0ZD4E6F8H",
        folder="next-site/01JD3Q5B7Y9ZP6V8X0ZD4E6F8G",
        server_origin=function_url,
        image_origin=function_url,
        origin_key="k" * 43,
        entries=("data/", "favicon.ico", "images/", "photo.jpg", "robots.txt", "sitemap.xml"),
    )
    host = "next-site.sites.example.com"
    hosts = [host, *[release_host(entry.deployment_id, host)] * KEPT_RELEASES]
    return sum(len(key) + len(value) for each in hosts for key, value in build_edge_keys(entry, each))


def quotas() -> tuple[Quota, ...]:
    """Those that grow with the sites."""
    has = counts()
    return (
        Quota(
            name="IAM: roles per account",
            default=1_000,
            unit="roles",
            site=has.site_roles,
            most="5,000",
            remark="The first that is met: ask early. Beyond 5,000, a second account.",
        ),
        Quota(
            name="Lambda: function and layer storage",
            default=75_000,
            unit="MB",
            site=RELEASE_MEGABYTES * KEPT_RELEASES,
            most="terabytes",
            remark=(f"{KEPT_RELEASES} kept releases of about {RELEASE_MEGABYTES} MB; fewer take less."),
        ),
        Quota(
            name="CloudFront: size of a KeyValueStore",
            default=5_000_000,
            unit="bytes",
            site=_edge_bytes(),
            most="no more",
            remark=("A stage has one store. Fewer kept releases take less; more sites need a second stage."),
        ),
        Quota(
            name="DynamoDB: tables per region",
            default=2_500,
            unit="tables",
            site=has.site_tables,
            most="10,000",
            remark="A table of cache tags for each site.",
        ),
        Quota(
            name="CodeBuild: build projects",
            default=5_000,
            unit="projects",
            site=has.site_build_projects,
            most="more",
            remark="",
        ),
    )


_QUOTAS: Final = """\
Quotas that grow with the sites, for one region of one account. This shows yours:

```sh
aws service-quotas list-service-quotas --service-code lambda
```"""
_CONCURRENCY: Final = """\
Two more grow not with the number of sites but with what these do at once, and are small in a new
account, as low as 10 and 1:

- *Lambda: concurrent executions* (1,000 in a seasoned account). All sites share it; the alarm for
  throttles says when it is spent.
- *CodeBuild: concurrently running builds for Linux/Small environment*. It has to be at least as large
  as the setting `concurrentBuilds`, up to which the platform itself decides who is next.

How to ask for more is in [operations](operations.md#raise-a-quota)."""


def section() -> tuple[str, ...]:
    """The blocks of the section."""
    return (
        "## Quotas",
        _QUOTAS,
        table(
            ("quota", "default", "a site takes", "sites that fit", "AWS gives up to", "remark"),
            [
                (
                    quota.name,
                    f"{quota.default:,.0f} {quota.unit}",
                    f"{quota.site:,.0f}",
                    f"{quota.sites:,}",
                    quota.most,
                    quota.remark,
                )
                for quota in sorted(quotas(), key=lambda quota: quota.sites)
            ],
        ),
        _CONCURRENCY,
    )
