"""ResourceScope: allowed values, and the account and region that components use."""

from typing import Any

import pulumi
import pytest

from components.aws.bucket import RetainedBucket, RetainedBucketArgs
from components.aws.identity import UserIdentity
from components.core.errors import DeclarationError
from components.core.scope import ResourceScope
from tests.components.recorder import ACCOUNT, Mocks, Recorded, Recorder, record_program

CALLS = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
    "aws:index/getRegion:getRegion": {"region": "eu-west-1"},
}


class ProviderMocks(Mocks):
    """Answers the calls of the AWS provider, and counts them."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        self.calls.append(args.token)
        return CALLS[args.token], []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prefix": "Shop"}, "prefix 'Shop': allowed are 1 to 40 of a-z, 0-9 and single hyphens"),
        ({"prefix": "shop-"}, "prefix 'shop-'"),
        ({"prefix": "shop--dev"}, "prefix 'shop--dev'"),
        ({"prefix": ""}, "prefix ''"),
        ({"prefix": "a" * 41}, "prefix 'a+': allowed are"),
        ({"prefix": "a" + "-b" * 20}, "prefix 'a-b.*': allowed are"),
        ({"prefix": "shop-site"}, "prefix 'shop-site' has the word 'site' after a hyphen"),
        ({"prefix": "shop-site-b"}, "prefix 'shop-site-b' has the word 'site' after a hyphen"),
        ({"log_retention_days": 2}, "log_retention_days is 2; allowed: 1, 3, 5"),
        ({"architecture": "arm"}, "architecture is 'arm'; allowed: arm64, x86_64"),
        ({"python_runtime": "python3.10"}, r"python_runtime is 'python3\.10'; allowed: python3\.11"),
    ],
)
def test_a_wrong_value_is_refused_with_the_allowed_values(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        ResourceScope(**{"prefix": "shop-dev", "retain": False, **wrong})


@pytest.mark.parametrize("prefix", ["a", "site", "site-dev", "shop-sites", "s" * 40, "eu-1-shop"])
def test_a_valid_prefix_is_accepted(prefix: str) -> None:
    assert ResourceScope(prefix=prefix, retain=False).prefix == prefix


def test_the_provider_tells_the_account_and_the_region_once() -> None:
    """A program that gives only a prefix and the retention works in the provider's account and region."""
    mocks = ProviderMocks()
    scope = ResourceScope(prefix="shop-dev", retain=False)
    issuers: list[str] = []

    def program() -> None:
        for name in ("files", "pictures"):
            RetainedBucket(name, RetainedBucketArgs(scope=scope))
        for name in ("users", "admins"):
            issuer = UserIdentity(name, scope=scope).issuer
            pulumi.Output.from_input(issuer).apply(issuers.append)

    def create_monitor(recorded: list[Recorded]) -> Recorder:
        return Recorder(recorded, mocks)

    recorded = record_program(program, monitor=create_monitor)
    buckets = {bucket.inputs["bucket"] for bucket in recorded.find_by_type("aws:s3/bucket:Bucket")}
    assert buckets == {f"shop-dev-{ACCOUNT}-files", f"shop-dev-{ACCOUNT}-pictures"}
    assert len(issuers) == 2
    assert all(issuer.startswith("https://cognito-idp.eu-west-1.amazonaws.com/") for issuer in issuers)
    assert sorted(mocks.calls) == sorted(CALLS)


def test_a_scope_with_account_and_region_needs_no_lookup() -> None:
    scope = ResourceScope(prefix="shop-dev", retain=False, account=ACCOUNT, region="eu-west-1")
    assert (scope.account, scope.region) == (ACCOUNT, "eu-west-1")


def test_a_bucket_whose_name_would_be_too_long_is_refused() -> None:
    scope = ResourceScope(prefix="a" * 40, retain=False, account=ACCOUNT)
    with pytest.raises(DeclarationError, match="S3 allows a prefix of 39 characters"):
        record_program(lambda: RetainedBucket("pictures-1", RetainedBucketArgs(scope=scope)))
