"""ResourceScope: values that the resources of a program share, such as name prefix and retention."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Final, Literal, get_args

import attrs
import pulumi
import pulumi_aws as aws

from components.core.errors import DeclarationError

Architecture = Literal["arm64", "x86_64"]

# CloudFront takes its certificates from this region and writes its metrics to this region.
CLOUDFRONT_REGION: Final = "us-east-1"
PYTHON_RUNTIMES: Final = ("python3.11", "python3.12", "python3.13", "python3.14")
LOG_RETENTION_DAYS: Final = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""The retention periods that CloudWatch Logs supports, in days."""

BUILD_MEMORY: Final[Mapping[str, int]] = {
    "BUILD_GENERAL1_SMALL": 4096,
    "BUILD_GENERAL1_MEDIUM": 8192,
    "BUILD_GENERAL1_LARGE": 16384,
    "BUILD_GENERAL1_XLARGE": 73728,
    "BUILD_GENERAL1_2XLARGE": 147456,
}
"""Memory of each compute type of CodeBuild, in MiB."""

_NO_TAGS: Final[Mapping[str, str]] = {}
_PREFIX: Final = re.compile(r"(?=.{1,40}$)[a-z](?:-?[a-z0-9])*")
# Functions of a platform with the prefix `shop` may use all resources whose names begin with `shop-site-`.
_SITE_WORD: Final = re.compile(r".-site(?:-|$)")


@attrs.frozen(kw_only=True)
class ResourceScope:
    """Values that the resources of a program share. Every component takes a scope as an argument.

    A program that uses the components creates one scope:

        scope = ResourceScope(prefix="shop-dev", retain=False)

    Attributes:
        prefix: Start of the names of all resources. Two scopes in one AWS account need different prefixes.
            1 to 40 characters: a-z, 0-9 and single hyphens between them. It starts with a letter. No word
            after a hyphen is `site`.
        retain: Whether data is protected and kept when its resource is removed from the program. Without
            retention, `pulumi destroy` deletes all data.
        tags: Tags of every resource that supports tags. In addition, components set the tag `Component`.
        log_retention_days: Days for which CloudWatch keeps logs.
        architecture: CPU architecture of functions.
        python_runtime: Lambda runtime of Python functions.
        reserves_concurrency: Whether functions have reserved concurrency. Lambda refuses it in an account
            whose quota leaves less than 100 executions for other functions.

    Raises:
        DeclarationError: A value is invalid.
    """

    prefix: str
    retain: bool
    tags: Mapping[str, str] = _NO_TAGS
    log_retention_days: int = 30
    architecture: Architecture = "arm64"
    python_runtime: str = "python3.13"
    reserves_concurrency: bool = False
    _account: pulumi.Input[str] | None = attrs.field(default=None, alias="account")
    _region: pulumi.Input[str] | None = attrs.field(default=None, alias="region")

    def __attrs_post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise DeclarationError(
                f"prefix {self.prefix!r}: allowed are 1 to 40 of a-z, 0-9 and single hyphens between them, "
                "starting with a letter"
            )
        if _SITE_WORD.search(self.prefix):
            raise DeclarationError(
                f"prefix {self.prefix!r} has the word 'site' after a hyphen; use another word, because the "
                "site permissions of a second program could include the resources of this program"
            )
        for name, value, allowed in (
            ("log_retention_days", self.log_retention_days, LOG_RETENTION_DAYS),
            ("architecture", self.architecture, get_args(Architecture)),
            ("python_runtime", self.python_runtime, PYTHON_RUNTIMES),
        ):
            if value not in allowed:
                raise DeclarationError(
                    f"{name} is {value!r}; allowed: {', '.join(str(each) for each in allowed)}"
                )

    @cached_property
    def account(self) -> pulumi.Input[str]:
        """AWS account id. If it is not an argument, the AWS provider looks it up at the first use."""
        return self._account or aws.get_caller_identity_output().account_id

    @cached_property
    def region(self) -> pulumi.Input[str]:
        """Region of the resources. If it is not an argument, the AWS provider looks it up at the first use.

        Certificates, alarms and the alarm topic for CloudFront are in `CLOUDFRONT_REGION` instead.
        """
        return self._region or aws.get_region_output().region
