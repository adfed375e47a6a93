"""Checks of the account, the plan, storage, domains and mail addresses."""

import re
from typing import Final
from urllib.parse import urlsplit

from first_account.model import CLOUDFRONT_REGION, Check, Finding, Permission, Stage, create_finding

_STORE_ARN: Final = re.compile(
    r"arn:aws:cloudfront::\d{12}:key-value-store/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_DISTRIBUTIONS: Final = "arn:aws:cloudfront::ACCOUNT:distribution/*"
_CERTIFICATES: Final = "arn:aws:acm:us-east-1:ACCOUNT:certificate/*"
_UNAUTHORIZED: Final = 401
_PLAN: Final = ("preview", "--expect-no-changes", "--non-interactive", "--suppress-permalink=true")


def check_account(stage: Stage) -> Finding:
    """Check that the credentials belong to the account of the stage."""
    found = stage.client("sts").get_caller_identity()["Account"]
    return create_finding(
        [f"the credentials belong to {found}, the stage is in {stage.account}"]
        if found != stage.account
        else [],
        found,
    )


def check_plan(stage: Stage) -> Finding:
    """Check that a second `pulumi up` would change nothing."""
    return _check_preview(stage)


def check_drift(stage: Stage) -> Finding:
    """Check that the resources have the properties that Pulumi has stored."""
    return _check_preview(stage, "--refresh")


def _check_preview(stage: Stage, *options: str) -> Finding:
    done = stage.run_pulumi(*_PLAN, *options)
    if not done.returncode:
        return create_finding([], "no changes")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return create_finding([f"`pulumi preview` ended with: {lines[-1] if lines else 'no output'}"], "")


def check_lifecycle_rules(stage: Stage) -> Finding:
    """Check that lifecycle rules also move objects below 128 KB."""
    bucket = stage.outputs["buckets"]["logs"]
    found = stage.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)
    size = found.get("TransitionDefaultMinimumObjectSize", "not set")
    return create_finding([f"{bucket} has {size}"] if size != "varies_by_storage_class" else [], size)


def check_distributions(stage: Stage) -> Finding:
    """Check that both distributions are deployed, and that their certificates are issued."""
    cloudfront, acm = stage.client("cloudfront"), stage.client("acm", CLOUDFRONT_REGION)
    problems: list[str] = []
    for identity in (stage.outputs["distributionId"], stage.outputs["images"]["distributionId"]):
        found = cloudfront.get_distribution(Id=identity)["Distribution"]
        config = found["DistributionConfig"]
        if found["Status"] != "Deployed" or not config["Enabled"]:
            problems.append(f"the distribution {identity} is {found['Status']}, enabled: {config['Enabled']}")
        arn = config.get("ViewerCertificate", {}).get("ACMCertificateArn")
        if arn:
            certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
            if certificate["Status"] != "ISSUED":
                problems.append(f"the certificate of {certificate['DomainName']} is {certificate['Status']}")
    return create_finding(problems, "both distributions are deployed")


def check_key_value_store(stage: Stage) -> Finding:
    """Check the KeyValueStore of the edge, whose ARN no emulator can confirm."""
    arn = str(stage.outputs["keyValueStoreArn"])
    found = stage.client("cloudfront-keyvaluestore").describe_key_value_store(KvsARN=arn)
    problems = [] if _STORE_ARN.fullmatch(arn) else [f"the ARN {arn} does not end in a UUID"]
    if found["Status"] != "READY":
        problems.append(f"the store is {found['Status']}")
    return create_finding(problems, f"{found['Status']}, {found['ItemCount']} keys")


def check_host_names(stage: Stage) -> Finding:
    """Check that the name servers of the internet know the hosts of the stage."""
    outputs = stage.outputs
    urls = (
        *outputs["sites"].values(),
        outputs["apiEndpoint"],
        outputs["images"]["apiEndpoint"],
        outputs["images"]["deliveryUrl"],
    )
    hosts = sorted({str(urlsplit(url).hostname) for url in urls})
    problems: list[str] = []
    for host in hosts:
        try:
            stage.resolve(host)
        except OSError:
            problems.append(f"{host} has no address")
    return create_finding(problems, f"{len(hosts)} hosts have addresses")


def check_authorization(stage: Stage) -> Finding:
    """Check that both APIs refuse a request without a token."""
    problems: list[str] = []
    for url in (
        f"{stage.outputs['apiEndpoint']}/projects",
        f"{stage.outputs['images']['apiEndpoint']}/images",
    ):
        status = stage.http.get(url, timeout=30).status_code
        if status != _UNAUTHORIZED:
            problems.append(f"{url} answered {status} without a token")
    return create_finding(problems, "both APIs answer 401 without a token")


def check_mail_addresses(stage: Stage) -> Finding:
    """Check that every mail address for alarms has confirmed its subscriptions in both regions."""
    problems: list[str] = []
    count = 0
    for region in dict.fromkeys((stage.region, CLOUDFRONT_REGION)):
        arn = f"arn:aws:sns:{region}:{stage.account}:{stage.prefix}-alarms"
        pages = (
            stage.client("sns", region).get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
        )
        for each in (found for page in pages for found in page["Subscriptions"]):
            count += 1
            if not str(each["SubscriptionArn"]).startswith("arn:"):
                problems.append(f"{each['Endpoint']} has not confirmed the mail from {region}")
    return create_finding(problems, f"{count} confirmed subscriptions")


CHECKS: Final = (
    Check(
        name="account",
        fact="The credentials belong to the account of the stage.",
        run=check_account,
        advice="Select the credentials of the account (AWS_PROFILE).",
    ),
    Check(
        name="plan",
        fact="A second `pulumi up` changes nothing. In particular, it recreates no index.",
        run=check_plan,
        advice="Do not apply a plan that recreates an index. Report it, and keep the former pulumi-aws.",
    ),
    Check(
        name="drift",
        fact="AWS has what Pulumi stored: the provider reads every resource back as it was declared.",
        run=check_drift,
        advice="Read `pulumi preview --refresh --diff`. If nobody changed the resource, report it.",
    ),
    Check(
        name="small logs",
        fact="Small objects move to colder storage classes, too.",
        run=check_lifecycle_rules,
        permissions=(
            Permission(
                action="s3:GetLifecycleConfiguration", resource="arn:aws:s3:::anchor-STAGE-ACCOUNT-logs"
            ),
        ),
        advice="Run `pulumi up --refresh`.",
    ),
    Check(
        name="distributions",
        fact="The distributions are deployed, with issued certificates.",
        run=check_distributions,
        permissions=(
            Permission(action="cloudfront:GetDistribution", resource=_DISTRIBUTIONS),
            Permission(action="acm:DescribeCertificate", resource=_CERTIFICATES),
        ),
        advice="Wait some minutes and check again. A pending certificate needs the NS records of its zone.",
    ),
    Check(
        name="edge store",
        fact="The KeyValueStore is ready, and its ARN ends in a UUID.",
        run=check_key_value_store,
        permissions=(
            Permission(
                action="cloudfront-keyvaluestore:DescribeKeyValueStore",
                resource="arn:aws:cloudfront::ACCOUNT:key-value-store/*",
            ),
        ),
        advice="Wait some minutes and check again.",
    ),
    Check(
        name="DNS",
        fact="The hosts of the stage have addresses.",
        run=check_host_names,
        advice="Delegate the domain to its hosted zone: docs/operations.md, Add a domain.",
    ),
    Check(
        name="tokens",
        fact="The APIs refuse requests without a token.",
        run=check_authorization,
        advice="Run `pulumi up --refresh`: a route has lost its authorizer.",
    ),
    Check(
        name="addresses for alarms",
        fact="Each address has confirmed the subscriptions of both regions.",
        run=check_mail_addresses,
        permissions=(
            Permission(
                action="sns:ListSubscriptionsByTopic",
                resource="arn:aws:sns:REGION:ACCOUNT:anchor-STAGE-alarms",
            ),
            Permission(
                action="sns:ListSubscriptionsByTopic",
                resource="arn:aws:sns:us-east-1:ACCOUNT:anchor-STAGE-alarms",
            ),
        ),
        advice="Open the link in the mail of each region.",
    ),
)
