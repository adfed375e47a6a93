"""The types that the checks use: stages, checks, permissions and findings."""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final

import requests
from attrs import field, frozen

from components.core.stage_names import RESERVED_WORDS

# CloudFront has its certificates, metrics and alarms in this region.
CLOUDFRONT_REGION: Final = "us-east-1"


class Verdict(Enum):
    """The result of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_YET = "not yet"


@frozen(kw_only=True)
class Finding:
    """What a check found.

    Attributes:
        verdict: `NOT_YET` means that there is nothing to check before the first push.
        detail: The observed value.
    """

    verdict: Verdict
    detail: str


def create_finding(problems: Sequence[str], passed: str) -> Finding:
    """Return a failed finding if there are problems, otherwise a passed one with the detail `passed`."""
    if problems:
        return Finding(verdict=Verdict.FAILED, detail="; ".join(problems))
    return Finding(verdict=Verdict.PASSED, detail=passed)


def create_pending_finding(detail: str) -> Finding:
    """Return the finding of a check that needs a push first."""
    return Finding(verdict=Verdict.NOT_YET, detail=f"{detail}: push to a site, then check again")


@frozen(kw_only=True)
class Stage:
    """A deployed stage, with the clients through which the checks read it.

    Attributes:
        name: The name of the stage.
        region: Its AWS region.
        outputs: The stack outputs.
        get_client: Returns the boto3 client of a service in a region.
        resolve: Returns an IP address of a host name. It raises `OSError` if the name does not exist.
        http: Sends requests to the APIs.
        run_pulumi: Runs a command of Pulumi for the stack, and returns its exit status and output.
    """

    name: str
    region: str
    outputs: Mapping[str, Any] = field(repr=False)
    get_client: Callable[[str, str], Any] = field(repr=False)
    resolve: Callable[[str], str]
    http: requests.Session
    run_pulumi: Callable[..., "subprocess.CompletedProcess[str]"]

    @property
    def prefix(self) -> str:
        """Resource name prefix."""
        return f"anchor-{self.name}"

    @property
    def account(self) -> str:
        """The account in which the stack was deployed."""
        return str(self.outputs["tables"]["projects"]["arn"]).split(":")[4]

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's clients have no types
        """Return a client of a service, by default in the region of the stage."""
        return self.get_client(service, region or self.region)

    def has_resource(self, name: str) -> bool:
        """Return whether a resource name belongs to this stage, not to a stage such as `<this stage>-2`."""
        prefix, rest = f"{self.prefix}-", name.removeprefix(f"{self.prefix}-")
        return name.startswith(prefix) and re.split(r"[-.]", rest)[0] in RESERVED_WORDS

    def list_functions(self) -> Iterator[Mapping[str, Any]]:
        """Return the configurations of the stage's functions."""
        for page in self.client("lambda").get_paginator("list_functions").paginate():
            yield from (each for each in page["Functions"] if self.has_resource(each["FunctionName"]))

    def list_queues(self) -> list[str]:
        """Return the URLs of the stage's queues."""
        pages = self.client("sqs").get_paginator("list_queues").paginate(QueueNamePrefix=f"{self.prefix}-")
        urls = (url for page in pages for url in page.get("QueueUrls", []))
        return [url for url in urls if self.has_resource(url.rpartition("/")[2])]


@frozen(kw_only=True)
class Permission:
    """A permission that a check needs.

    Attributes:
        action: The IAM action.
        resource: The ARN pattern. `build_policy` can replace `REGION`, `ACCOUNT` and `STAGE` in it.
        condition: The condition of the IAM policy statement.
    """

    action: str
    resource: str = "*"
    condition: Mapping[str, Mapping[str, Any]] = field(factory=dict, hash=False)


@frozen(kw_only=True)
class Check:
    """A check of one fact.

    Attributes:
        name: A short name.
        fact: What must be true.
        run: Runs the check. The caller must catch the errors of its AWS calls and HTTP requests.
        permissions: The IAM permissions that `run` needs.
        advice: What to do if the check fails.
    """

    name: str
    fact: str
    run: Callable[[Stage], Finding]
    permissions: tuple[Permission, ...] = ()
    advice: str
