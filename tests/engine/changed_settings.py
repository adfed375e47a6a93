"""Changed settings of the stage production, and what `pulumi preview` then plans."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from reference.plan_summary import Change

# The planned steps. A key contains the operation, the resource type and the changed properties. A value
# contains the names of the resources, or only their number.
Plan = Mapping[str, tuple[str, ...] | int]


@frozen(kw_only=True)
class ChangedSettings:
    """A change of the settings of production.

    Attributes:
        name: Name of the test.
        settings: The new values. None removes a setting.
        plan: The expected steps. All other resources stay unchanged.
        refused: A part of Pulumi's message if Pulumi refuses the change. Pulumi then stops before its plan is
            complete, so `plan` is not compared.
    """

    name: str
    settings: Mapping[str, Any]
    plan: Plan = field(factory=dict)
    refused: str = ""


def summarize_plan(changes: list[Change], expected: Plan) -> Plan:
    """Return the planned steps in the form of an expected plan."""
    found: dict[str, list[str]] = {}
    for change in changes:
        kind = change.type.partition(":")[2].partition(":")[0]
        kept = " (stays in AWS)" if change.is_kept and change.verb in {"delete", "replace"} else ""
        properties = f" {', '.join(change.properties)}" if change.properties else ""
        found.setdefault(f"{change.verb} {kind}{properties}{kept}", []).append(change.name)
    return {
        step: len(names) if isinstance(expected.get(step), int) else tuple(sorted(names))
        for step, names in found.items()
    }


_IMAGES: Final = {
    "corsOrigins": ["https://app.example.net"],
    "zone": "example.com",
    "hostedZoneId": "Z0EXAMPLEPRODUCTION",
    "maximumMegabytes": 50,
}
_NEXT_SITE: Final = {"name": "next-site", "memory": 1536}
_DOCS: Final = {"name": "docs"}
_PLATFORM_FUNCTIONS: Final = (
    "api",
    "build-events",
    "collect",
    "images-api",
    "images-uploaded",
    "orchestrator",
    "promote",
    "release",
    "sweep",
    "webhook",
)
_SITE_FUNCTIONS: Final = (
    "site-docs-image",
    "site-docs-revalidate",
    "site-docs-server",
    "site-next-site-image",
    "site-next-site-revalidate",
    "site-next-site-server",
)

CHANGED_SETTINGS: Final = (
    ChangedSettings(
        name="log-retention",
        settings={"logRetentionDays": 90},
        plan={
            "update cloudwatch/logGroup retentionInDays": 20,
        },
    ),
    ChangedSettings(
        name="memory-of-a-site",
        settings={"sites": [{**_NEXT_SITE, "memory": 2048}, _DOCS]},
        plan={
            "update lambda/function memorySize": ("site-next-site-server",),
        },
    ),
    ChangedSettings(
        name="one-more-site",
        settings={"sites": [_NEXT_SITE, _DOCS, {"name": "shop"}]},
        plan={
            "create cloudwatch/logGroup": (
                "site-shop-build",
                "site-shop-image",
                "site-shop-revalidate",
                "site-shop-server",
            ),
            "create codebuild/project": ("site-shop-build",),
            "create dynamodb/table": ("site-shop-tags",),
            "create dynamodb/tableItem": ("site-shop",),
            "create iam/role": (
                "site-shop-build",
                "site-shop-image",
                "site-shop-revalidate",
                "site-shop-server",
            ),
            "create iam/rolePolicy": (
                "site-shop-build",
                "site-shop-image",
                "site-shop-revalidate",
                "site-shop-server",
            ),
            "create lambda/alias": ("site-shop-revalidate",),
            "create lambda/eventSourceMapping": ("site-shop-revalidate",),
            "create lambda/function": ("site-shop-image", "site-shop-revalidate", "site-shop-server"),
            "create sqs/queue": ("site-shop-revalidate", "site-shop-revalidate-dead"),
            "create sqs/redriveAllowPolicy": ("site-shop-revalidate",),
            # The row that lists the sites of the stage.
            "update dynamodb/tableItem item": ("sites",),
        },
    ),
    ChangedSettings(
        name="one-site-less", settings={"sites": [_NEXT_SITE]}, refused="because it is protected"
    ),
    ChangedSettings(
        name="architecture",
        settings={"architecture": "x86_64"},
        plan={
            "replace lambda/layerVersion compatibleArchitectures": ("layers-base", "layers-edge"),
            "update codebuild/project environment": ("site-docs-build", "site-next-site-build"),
            "update lambda/function architectures": _SITE_FUNCTIONS,
            "update lambda/function architectures, layers": _PLATFORM_FUNCTIONS,
        },
    ),
    ChangedSettings(
        name="python-runtime",
        settings={"pythonRuntime": "python3.14"},
        plan={
            "replace lambda/layerVersion compatibleRuntimes": ("layers-base", "layers-edge"),
            "update lambda/function layers, runtime": _PLATFORM_FUNCTIONS,
        },
    ),
    ChangedSettings(
        name="kept-releases",
        settings={"keptReleases": 20},
        plan={
            "update lambda/function environment": ("collect", "release"),
        },
    ),
    ChangedSettings(
        name="concurrent-builds",
        settings={"concurrentBuilds": 20},
        plan={
            "update lambda/eventSourceMapping scalingConfig": ("orchestrator", "release"),
            "update lambda/function environment": ("api", "build-events", "sweep"),
            "update lambda/function environment, reservedConcurrentExecutions": ("orchestrator",),
            "update lambda/function reservedConcurrentExecutions": ("release",),
        },
    ),
    ChangedSettings(
        name="alert-addresses",
        settings={"alertEmails": ["on-call@example.com", "new@example.com"]},
        plan={
            "delete sns/topicSubscription": ("alerts-cloudfront-ops@example.com", "alerts-ops@example.com"),
            "create sns/topicSubscription": ("alerts-cloudfront-new@example.com", "alerts-new@example.com"),
        },
    ),
    ChangedSettings(
        name="origins-of-the-web-application",
        settings={"images": {**_IMAGES, "corsOrigins": ["https://new.example.net"]}},
        plan={
            "update apigatewayv2/api corsConfiguration": ("images",),
            "update cloudfront/responseHeadersPolicy corsConfig": ("images-delivery",),
            "update s3/bucketCorsConfiguration corsRules": ("images",),
        },
    ),
    ChangedSettings(
        name="no-domain-of-images",
        settings={"images": {"corsOrigins": ["https://app.example.net"]}},
        plan={
            "delete acm/certificate": ("images-api", "images-delivery"),
            "delete acm/certificateValidation": ("images-api", "images-delivery"),
            "delete apigatewayv2/apiMapping": ("images",),
            "delete apigatewayv2/domainName": ("images",),
            "delete route53/record": (
                "images-api-a",
                "images-api-validation",
                "images-delivery-a",
                "images-delivery-aaaa",
                "images-delivery-validation",
            ),
            "update cloudfront/distribution aliases, viewerCertificate": ("images-delivery",),
            "update lambda/function environment": ("images-api", "images-uploaded"),
        },
    ),
    ChangedSettings(
        name="domain-of-the-sites",
        settings={"domain": "www.example.com"},
        plan={
            "replace acm/certificate domainName, subjectAlternativeNames": ("edge",),
            "replace acm/certificateValidation certificateArn, validationRecordFqdns": ("edge",),
            "replace route53/record name": ("edge-a", "edge-aaaa"),
            "replace route53/record name, records, type": ("edge-validation",),
            "update cloudfront/distribution aliases, viewerCertificate": ("edge",),
            "update dynamodb/tableItem item": ("site-docs", "site-next-site"),
        },
    ),
)
