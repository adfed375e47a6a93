"""The section of docs/costs.md about the AWS quotas that limit the number of sites."""

from typing import Final

from attrs import fields, frozen

from components.core.limits.edge_budget import MAX_RELEASE_BYTES
from components.core.stage_settings import StageSettings
from reference.counts import count_resources
from reference.markdown import format_table
from runtime.deploy.releases.edge_store import EdgeEntry, build_edge_keys, build_release_host

KEPT_RELEASES: Final[int] = fields(StageSettings).kept_releases.default
# Total size of the zip files with the functions of one release of the example site, in MB.
RELEASE_MEGABYTES: Final = 15
_FILES_PER_RELEASE: Final = 100


@frozen(kw_only=True)
class Quota:
    """An AWS quota whose use grows with the number of sites.

    Attributes:
        name: The name in Service Quotas.
        default: The default value.
        unit: The unit of `default` and `per_site`.
        per_site: The part of the quota that one site uses.
        maximum: The highest value that AWS grants on request.
        remark: Further information.
    """

    name: str
    default: float
    unit: str
    per_site: float
    maximum: str
    remark: str

    @property
    def max_sites(self) -> int:
        """The number of sites that the default value allows."""
        return int(self.default // self.per_site)


def _count_edge_bytes() -> int:
    """Return the bytes of a site in the KeyValueStore: its host and the hosts of its kept releases."""
    function_url = f"{'x' * 32}.lambda-url.ap-southeast-1.on.aws"
    entry = EdgeEntry(
        deployment_id="01JD3Q5B7Y9ZP6V8X0ZD4E6F8H",
        folder="next-site/01JD3Q5B7Y9ZP6V8X0ZD4E6F8G",
        server_origin=function_url,
        image_origin=function_url,
        origin_key="k" * 43,
        direct_files=tuple(f"_next/static/chunks/{number}.js" for number in range(_FILES_PER_RELEASE)),
    )
    host = "next-site.sites.example.com"
    hosts = [host, *[build_release_host(entry.deployment_id, host)] * KEPT_RELEASES]
    return sum(
        len(key) + len(value)
        for each in hosts
        for key, value in build_edge_keys(entry, each, max_bytes=MAX_RELEASE_BYTES)
    )


def find_quotas() -> tuple[Quota, ...]:
    """Return the quotas whose use grows with the number of sites."""
    counts = count_resources()
    return (
        Quota(
            name="IAM: roles per account",
            default=1_000,
            unit="roles",
            per_site=counts.site_roles,
            maximum="5,000",
            remark="The first limit: request an increase early. Above 5,000, use a second account.",
        ),
        Quota(
            name="Lambda: function and layer storage",
            default=75_000,
            unit="MB",
            per_site=RELEASE_MEGABYTES * KEPT_RELEASES,
            maximum="terabytes",
            remark=(
                f"{KEPT_RELEASES} kept releases of about {RELEASE_MEGABYTES} MB each. To use less, keep "
                "fewer releases."
            ),
        ),
        Quota(
            name="CloudFront: size of a KeyValueStore",
            default=5_000_000,
            unit="bytes",
            per_site=_count_edge_bytes(),
            maximum="not adjustable",
            remark=(
                "Each stage has one store, and each release has a share of it. With more sites, the edge "
                "knows fewer files of a release. To get larger shares, keep fewer releases, or use a "
                "second stage."
            ),
        ),
        Quota(
            name="DynamoDB: tables per region",
            default=2_500,
            unit="tables",
            per_site=counts.site_tables,
            maximum="10,000",
            remark="Each site has a table of cache tags.",
        ),
        Quota(
            name="CodeBuild: build projects",
            default=5_000,
            unit="projects",
            per_site=counts.site_build_projects,
            maximum="adjustable",
            remark="",
        ),
    )


_INTRODUCTION: Final = """\
These quotas limit the number of sites in one region of one account. To list the values of your account:

```sh
aws service-quotas list-service-quotas --service-code lambda
```"""
_CONCURRENCY: Final = """\
Two more quotas limit concurrent work, not the number of sites. In a new account, the first quota can be
as low as 10, and the second quota as low as 1:

- *Lambda: concurrent executions* (default 1,000). The setting `accountConcurrency` must not be higher. The
  platform reserves about 150 of them, and each site 60 by default (`maxConcurrency`, `maxImageConcurrency`).
  100 stay unreserved. So the default fits 12 sites.
- *CodeBuild: concurrently running builds for Linux/Small environment*. This quota must not be lower than the
  setting `concurrentBuilds`, the number of builds that the platform runs at the same time.

[Operations](operations.md#raise-a-quota) describes how to request an increase."""


def render_section() -> tuple[str, ...]:
    """Return the Markdown blocks of the section."""
    return (
        "## Quotas",
        _INTRODUCTION,
        format_table(
            ("quota", "default", "use per site", "sites within the default", "maximum", "remark"),
            [
                (
                    quota.name,
                    f"{quota.default:,.0f} {quota.unit}",
                    f"{quota.per_site:,.0f}",
                    f"{quota.max_sites:,}",
                    quota.maximum,
                    quota.remark,
                )
                for quota in sorted(find_quotas(), key=lambda quota: quota.max_sites)
            ],
        ),
        _CONCURRENCY,
    )
