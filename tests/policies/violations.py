"""Resources that violate each rule, and part of the message with which the rule reports them."""

import json
from typing import Any

from attrs import frozen

from policies.graph import Resource
from tests.policies.views import make_document, make_resource, make_urn

BUCKET = make_resource("bucket")
BUCKET_REFERENCE = {"bucket": BUCKET.urn}
ALL_BLOCKED = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}
BLOCK = make_resource("public-access-block", ALL_BLOCKED, references=BUCKET_REFERENCE)
OWNED = make_resource(
    "ownership", {"rule": {"objectOwnership": "BucketOwnerEnforced"}}, references=BUCKET_REFERENCE
)
PRODUCTION: dict[str, Any] = {"stage": "production"}
BEHAVIOR = {"viewerProtocolPolicy": "redirect-to-https"}
CUSTOM_ORIGIN = {"originProtocolPolicy": "https-only", "originSslProtocols": ["TLSv1.2"]}


@frozen
class Violation:
    """Resources that violate a rule, and part of the rule's message."""

    rule: str
    message: str
    resources: tuple[Resource, ...]


def _make_violation(rule: str, message: str, *resources: Resource) -> Violation:
    return Violation(rule, message, resources)


def _make_distribution_with_origin(**custom: Any) -> Resource:  # noqa: ANN401
    return make_resource(
        "distribution",
        {"origins": [{"originId": "server", "customOriginConfig": {**CUSTOM_ORIGIN, **custom}}]},
    )


def _make_stream_mapping(**props: Any) -> Resource:  # noqa: ANN401
    right = {
        "startingPosition": "TRIM_HORIZON",
        "maximumRetryAttempts": 3,
        "destinationConfig": {"onFailure": {"destinationArn": "arn:aws:sqs:::dead"}},
    }
    return make_resource("mapping", {**right, **props})


def _make_queue_mapping(**props: Any) -> Resource:  # noqa: ANN401
    return make_resource("mapping", props, references={"eventSourceArn": make_urn("queue")})


def _make_redrive_policy(*, max_receive_count: int) -> str:
    return json.dumps({"deadLetterTargetArn": "arn:aws:sqs:::dead", "maxReceiveCount": max_receive_count})


def _require_source(operator: str, arn: str) -> dict[str, Any]:
    return {"Condition": {operator: {"aws:SourceArn": arn}}}


_SERVERS = {"origins": [{"originId": "server", "customOriginConfig": CUSTOM_ORIGIN}]}
_BOTH_FUNCTIONS = {
    "functionAssociations": [{"eventType": "viewer-request"}, {"eventType": "viewer-response"}]
}


def _make_cache_policy(**props: Any) -> Resource:  # noqa: ANN401
    return make_resource("cache-policy", {"maxTtl": 60, **props})


def _make_distribution_with_policy(policy: Resource) -> Resource:
    """Return a distribution whose origin is a server and whose default behavior uses the cache policy."""
    return make_resource(
        "distribution",
        {**_SERVERS, "defaultCacheBehavior": {**BEHAVIOR, **_BOTH_FUNCTIONS}},
        references={"defaultCacheBehavior": policy.urn},
    )


def _make_cache_key(*headers: str) -> dict[str, Any]:
    return {
        "parametersInCacheKeyAndForwardedToOrigin": {"headersConfig": {"headers": {"items": list(headers)}}}
    }


SHARED_CACHES = [
    *(
        _make_violation(
            "servers-release-what-is-shared",
            "add x-anchor-cache to its key",
            policy,
            _make_distribution_with_policy(policy),
        )
        for policy in (_make_cache_policy(), _make_cache_policy(**_make_cache_key("x-anchor-release", "rsc")))
    ),
    *(
        _make_violation(
            "servers-have-own-cache-policies",
            message,
            make_resource(
                "distribution",
                {**_SERVERS, "defaultCacheBehavior": {**BEHAVIOR, **_BOTH_FUNCTIONS, **caching}},
            ),
        )
        for caching, message in (
            ({"cachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}, "a cache policy of AWS"),
            ({"forwardedValues": {"queryString": True}, "defaultTtl": 60}, "uses forwardedValues"),
        )
    ),
    *(
        _make_violation(
            "servers-are-behind-edge-functions",
            f"has no {missing} function for /_next/image*",
            make_resource(
                "distribution",
                {
                    **_SERVERS,
                    "defaultCacheBehavior": {**BEHAVIOR, **_BOTH_FUNCTIONS},
                    "orderedCacheBehaviors": [
                        {
                            **BEHAVIOR,
                            "pathPattern": "/_next/image*",
                            "functionAssociations": [{"eventType": present}],
                        }
                    ],
                },
            ),
        )
        for present, missing in (
            ("viewer-request", "viewer-response"),
            ("viewer-response", "viewer-request"),
        )
    ),
]

PUBLIC_ACCESS = [
    *(
        _make_violation(
            "public-access-block-is-complete",
            f"does not set {setting}",
            make_resource("public-access-block", {**ALL_BLOCKED, setting: False}),
        )
        for setting in ALL_BLOCKED
    ),
    _make_violation("buckets-are-private", "has no BucketPublicAccessBlock", BUCKET, OWNED),
    _make_violation("buckets-are-private", "has ACLs", BUCKET, BLOCK),
    _make_violation(
        "buckets-are-private",
        "has ACLs",
        BUCKET,
        BLOCK,
        make_resource(
            "ownership", {"rule": {"objectOwnership": "ObjectWriter"}}, references=BUCKET_REFERENCE
        ),
    ),
    _make_violation(
        "no-public-acl", "has the public ACL public-read", make_resource("bucket", {"acl": "public-read"})
    ),
    _make_violation(
        "no-public-acl", "authenticated-read", make_resource("acl", {"acl": "authenticated-read"})
    ),
    _make_violation(
        "no-policy-for-everyone",
        "allows everyone s3:GetObject",
        make_resource("bucket-policy", {"policy": make_document(Principal="*")}),
    ),
    _make_violation(
        "no-policy-for-everyone",
        "allows everyone sns:Publish",
        make_resource("topic", {"policy": make_document(Principal={"AWS": ["*"]}, Action="sns:Publish")}),
    ),
    _make_violation(
        "function-callers-are-named", "lets everyone call", make_resource("permission", {"principal": "*"})
    ),
    _make_violation(
        "function-callers-are-named",
        "set the resource as sourceArn",
        make_resource("permission", {"principal": "s3.amazonaws.com"}),
    ),
    _make_violation(
        "cors-origins-are-listed", "(*)", make_resource("api", {"corsConfiguration": {"allowOrigins": ["*"]}})
    ),
    _make_violation(
        "cors-origins-are-listed",
        "(https://*.example.com)",
        make_resource(
            "cors", {"corsRules": [{"allowedOrigins": ["https://a.example", "https://*.example.com"]}]}
        ),
    ),
]

ENCRYPTION = [
    _make_violation("tables-are-encrypted", "serverSideEncryption", make_resource("table")),
    _make_violation(
        "tables-are-encrypted",
        "cannot audit",
        make_resource("table", {"serverSideEncryption": {"enabled": False}}),
    ),
    _make_violation(
        "queues-are-encrypted", "is not encrypted", make_resource("queue", {"sqsManagedSseEnabled": False})
    ),
    _make_violation(
        "topics-are-encrypted", "set kmsMasterKeyId", make_resource("topic", {"name": "anchor-dev-orders"})
    ),
    _make_violation(
        "parameters-are-encrypted",
        "SecureString",
        make_resource("parameter", {"type": "String", "value": "a"}),
    ),
    _make_violation("keys-rotate", "is not rotated", make_resource("key", {"enableKeyRotation": False})),
    _make_violation("keys-rotate", "is not rotated", make_resource("key", {"keyUsage": "ENCRYPT_DECRYPT"})),
    _make_violation("buckets-are-encrypted", "has no explicit encryption", BUCKET, make_resource("sse")),
]

TRANSPORT = [
    _make_violation(
        "viewers-use-https",
        "serves the default behavior over http",
        make_resource("distribution", {"defaultCacheBehavior": {"viewerProtocolPolicy": "allow-all"}}),
    ),
    _make_violation(
        "viewers-use-https",
        "serves /a/* over http",
        make_resource(
            "distribution",
            {
                "defaultCacheBehavior": BEHAVIOR,
                "orderedCacheBehaviors": [{"pathPattern": "/a/*", "viewerProtocolPolicy": "allow-all"}],
            },
        ),
    ),
    _make_violation(
        "viewers-use-tls-1-2",
        "accepts TLSv1.1_2016",
        make_resource("distribution", {"viewerCertificate": {"minimumProtocolVersion": "TLSv1.1_2016"}}),
    ),
    _make_violation(
        "viewers-use-tls-1-2", "accepts None", make_resource("distribution", {"viewerCertificate": {}})
    ),
    _make_violation(
        "origins-use-https",
        "uses http for the origin server",
        _make_distribution_with_origin(originProtocolPolicy="match-viewer"),
    ),
    _make_violation(
        "origins-use-https",
        "TLS below 1.2",
        _make_distribution_with_origin(originSslProtocols=["TLSv1", "TLSv1.2"]),
    ),
    _make_violation(
        "api-domains-use-tls-1-2",
        "TLS below 1.2",
        make_resource("domain-name", {"domainNameConfiguration": {"securityPolicy": "TLS_1_0"}}),
    ),
    _make_violation(
        "subscriptions-use-tls", "over http", make_resource("subscription", {"protocol": "http"})
    ),
    _make_violation("topics-require-tls", "without TLS", make_resource("topic")),
    _make_violation(
        "topics-require-tls", "without TLS", make_resource("topic", {"policy": make_document(Principal="*")})
    ),
    _make_violation(
        "buckets-require-tls",
        "without TLS",
        BUCKET,
        make_resource("bucket-policy", {"policy": make_document()}, references=BUCKET_REFERENCE),
    ),
]

PERMISSIONS = [
    *(
        _make_violation(
            "no-wildcard-action",
            f"allows the action {action}",
            make_resource("role-policy", {"policy": text}),
        )
        for action, text in (
            ("*", make_document(Action="*")),
            ("dynamodb:*", make_document(Action=["s3:GetObject", "dynamodb:*"])),
            ("s3:Get*", make_document(Action="s3:Get*")),
            ("kms:*", make_document(Action="kms:*")),
        )
    ),
    _make_violation(
        "no-wildcard-action",
        "uses NotAction",
        make_resource("policy", {"policy": make_document(NotAction="iam:*")}),
    ),
    _make_violation(
        "no-wildcard-action", "s3:*", make_resource("bucket-policy", {"policy": make_document(Action="s3:*")})
    ),
    *(
        _make_violation(
            "no-wildcard-resource",
            f"on {arn}: name",
            make_resource("role-policy", {"policy": make_document(Resource=arn)}),
        )
        for arn in ("*", "arn:aws:s3:::anchor-dev-1-assets/*", "arn:aws:dynamodb:a:1:table/anchor-*")
    ),
    _make_violation(
        "no-wildcard-resource",
        "on *",
        make_resource("policy", {"policy": make_document(Resource=["arn:aws:a", "*"])}),
    ),
    _make_violation(
        "no-role-for-everyone",
        "everyone",
        make_resource("role", {"assumeRolePolicy": make_document(Principal="*")}),
    ),
    *(
        _make_violation(
            "services-act-for-named-sources",
            f"lets {service} act for every account",
            make_resource(kind, {prop: make_document(Principal={"Service": service}, **conditions)}),
        )
        for kind, prop, service, conditions in (
            ("role", "assumeRolePolicy", "codebuild.amazonaws.com", {}),
            ("bucket-policy", "policy", "cloudfront.amazonaws.com", {"Condition": {"Bool": {"a": "true"}}}),
            ("bucket-policy", "policy", "s3.amazonaws.com", _require_source("ArnLike", "arn:aws:s3:::logs")),
            ("role", "assumeRolePolicy", "scheduler.amazonaws.com", _require_source("ArnLike", "*")),
            (
                "role",
                "assumeRolePolicy",
                "events.amazonaws.com",
                _require_source("ArnEqualsIfExists", "arn:aws:events:a:123456789012:rule/a"),
            ),
            (
                "topic",
                "policy",
                "cloudwatch.amazonaws.com",
                _require_source("ArnLike", "arn:aws:cloudwatch:a:*:alarm:a"),
            ),
            (
                "key",
                "policy",
                "logs.amazonaws.com",
                {"Condition": {"StringEquals": {"aws:SourceAccount": "*"}}},
            ),
        )
    ),
    _make_violation(
        "services-act-for-named-sources",
        "lets lambda.amazonaws.com, edgelambda.amazonaws.com act for every account",
        make_resource(
            "role",
            {
                "assumeRolePolicy": make_document(
                    Principal={"Service": ["lambda.amazonaws.com", "edgelambda.amazonaws.com"]}
                )
            },
        ),
    ),
    _make_violation(
        "services-act-for-named-sources",
        "accepts arn:aws:s3:::b in every account",
        make_resource("permission", {"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::b"}),
    ),
    _make_violation(
        "no-aws-managed-policy",
        "AdministratorAccess",
        make_resource("attachment", {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ),
    _make_violation(
        "one-role-per-function",
        "shares the role of first",
        make_resource("role"),
        make_resource("function", name="first", references={"role": make_urn("role")}),
        make_resource("build", name="second", references={"serviceRole": make_urn("role")}),
    ),
    _make_violation(
        "one-role-per-function",
        "does not declare",
        make_resource("function", {"role": "arn:aws:iam::1:role/admin"}),
    ),
]

ROUTES = [
    _make_violation(
        "routes-require-a-token",
        "answers GET /images without a token",
        make_resource("route", {"routeKey": "GET /images", "authorizationType": "NONE"}),
    ),
    _make_violation(
        "routes-require-a-token",
        "answers GET /albums",
        make_resource("route", {"routeKey": "GET /albums", "authorizationType": "JWT"}),
    ),
    _make_violation(
        "authorizers-check-the-issuer",
        "does not check a JWT",
        make_resource("authorizer", {"authorizerType": "REQUEST"}),
    ),
    _make_violation(
        "authorizers-check-the-issuer",
        "any issuer or audience",
        make_resource(
            "authorizer",
            {"authorizerType": "JWT", "jwtConfiguration": {"issuer": "https://i", "audiences": []}},
        ),
    ),
]

SECRETS = [
    *(
        _make_violation(
            "no-secret-variable", name, make_resource("function", {"environment": {"variables": {name: "x"}}})
        )
        for name in ("CLIENT_SECRET", "dbPassword", "GITHUB_TOKEN", "PRIVATE_KEY", "SHOP_API_KEYS")
    ),
    _make_violation(
        "no-secret-variable",
        "NPM_TOKEN",
        make_resource(
            "build", {"environment": {"environmentVariables": [{"name": "NPM_TOKEN", "value": "x"}]}}
        ),
    ),
    *(
        _make_violation(
            "no-secret-in-plain-text",
            f"contains {kind} in a.b[0]",
            make_resource("queue", {"a": {"b": [text]}}),
        )
        for kind, text in (
            ("an AWS access key", f"id=AKIA{'A1' * 8}"),
            ("a private key", "-----BEGIN RSA PRIVATE KEY-----\nMII"),
            ("a GitHub token", f"https://ghp_{'a' * 36}@github.com"),
            ("a Slack token", "xoxb-1234567890-abc"),
            ("a Shopify token", f"shpat_{'0f' * 16}"),
            ("a JWT", f"Bearer eyJ{'a' * 12}.eyJ{'b' * 12}.{'c' * 20}"),
        )
    ),
]

PRODUCTION_DATA = [
    *(
        _make_violation(
            "production-is-protected", "set the option protect", make_resource(kind, **PRODUCTION)
        )
        for kind in ("table", "bucket", "key", "user-pool", "distribution", "log-group", "api")
    ),
    _make_violation(
        "production-tables-are-kept",
        "deletionProtectionEnabled",
        make_resource("table", {"pointInTimeRecovery": {"enabled": True}}, **PRODUCTION),
    ),
    _make_violation(
        "production-tables-are-kept",
        "pointInTimeRecovery",
        make_resource("table", {"deletionProtectionEnabled": True}, **PRODUCTION),
    ),
    _make_violation(
        "production-buckets-are-kept",
        "forceDestroy",
        make_resource("bucket", {"forceDestroy": True}, **PRODUCTION),
    ),
    _make_violation(
        "production-users-are-kept", "deletionProtection", make_resource("user-pool", **PRODUCTION)
    ),
    _make_violation(
        "production-keys-are-kept", "30", make_resource("key", {"deletionWindowInDays": 7}, **PRODUCTION)
    ),
]

LOGS = [
    _make_violation(
        "log-groups-have-retention", "forever", make_resource("log-group", {"retentionInDays": 0})
    ),
    _make_violation("log-groups-have-retention", "forever", make_resource("log-group")),
    _make_violation(
        "builds-write-logs",
        "writes no logs",
        make_resource("build", {"logsConfig": {"cloudwatchLogs": {"status": "DISABLED"}}}),
    ),
    _make_violation(
        "log-groups-are-declared", "set loggingConfig", make_resource("function"), make_resource("log-group")
    ),
    _make_violation("log-groups-are-declared", "set logsConfig", make_resource("build")),
    _make_violation("log-groups-are-declared", "set accessLogSettings", make_resource("stage")),
]

DEAD_LETTERS = [
    _make_violation("queues-have-dead-letters", "redrivePolicy", make_resource("queue")),
    _make_violation(
        "queues-tolerate-throttling",
        "maxReceiveCount",
        make_resource("queue", {"redrivePolicy": _make_redrive_policy(max_receive_count=4)}),
        _make_queue_mapping(scalingConfig={"maximumConcurrency": 2}),
    ),
    _make_violation(
        "queues-tolerate-throttling",
        "scalingConfig.maximumConcurrency",
        make_resource("queue", {"redrivePolicy": _make_redrive_policy(max_receive_count=5)}),
        _make_queue_mapping(),
    ),
    *(
        _make_violation(
            "dead-letter-alarms-stay-active",
            "treatMissingData",
            make_resource("queue", references={"redrivePolicy": make_urn("queue", "dead")}),
            make_resource("queue", name="dead"),
            make_resource(
                "alarm", {"treatMissingData": missing}, references={measured: make_urn("queue", "dead")}
            ),
        )
        for measured, missing in (("dimensions", "notBreaching"), ("metricQueries", None))
    ),
    _make_violation("streams-have-dead-letters", "onFailure", _make_stream_mapping(destinationConfig=None)),
    _make_violation(
        "streams-have-dead-letters", "maximumRetryAttempts", _make_stream_mapping(maximumRetryAttempts=-1)
    ),
]

ARGUMENTS = [
    _make_violation("arguments-are-valid", "fifo is not an argument", make_resource("queue", {"fifo": True})),
    _make_violation(
        "arguments-are-valid",
        "deletionWindowInDays is 5, allowed are 7 to 30",
        make_resource("key", {"deletionWindowInDays": 5}),
    ),
]

VIOLATIONS = [
    *PUBLIC_ACCESS,
    *ENCRYPTION,
    *TRANSPORT,
    *SHARED_CACHES,
    *PERMISSIONS,
    *ROUTES,
    *SECRETS,
    *PRODUCTION_DATA,
    *LOGS,
    *DEAD_LETTERS,
    *ARGUMENTS,
]
