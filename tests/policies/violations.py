"""For every rule, what breaks it: the resources, and what is said about the one that does."""

from typing import Any

from attrs import frozen

from policies.graph import Resource
from tests.policies.views import document, made, urn

BUCKET = made("bucket")
OF_THE_BUCKET = {"bucket": BUCKET.urn}
ALL_CLOSED = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}
BLOCK = made("public-access-block", ALL_CLOSED, refers=OF_THE_BUCKET)
OWNED = made("ownership", {"rule": {"objectOwnership": "BucketOwnerEnforced"}}, refers=OF_THE_BUCKET)
PRODUCTION: dict[str, Any] = {"stage": "production"}
BEHAVIOUR = {"viewerProtocolPolicy": "redirect-to-https"}
CUSTOM = {"originProtocolPolicy": "https-only", "originSslProtocols": ["TLSv1.2"]}


@frozen
class Violation:
    """`resources` break the rule, and `says` is part of how that is told."""

    rule: str
    says: str
    resources: tuple[Resource, ...]


def _v(rule: str, says: str, *resources: Resource) -> Violation:
    return Violation(rule, says, resources)


def _origin(**custom: Any) -> Resource:  # noqa: ANN401
    return made(
        "distribution", {"origins": [{"originId": "server", "customOriginConfig": {**CUSTOM, **custom}}]}
    )


def _stream(**props: Any) -> Resource:  # noqa: ANN401
    right = {
        "startingPosition": "TRIM_HORIZON",
        "maximumRetryAttempts": 3,
        "destinationConfig": {"onFailure": {"destinationArn": "arn:aws:sqs:::dead"}},
    }
    return made("mapping", {**right, **props})


_SERVERS = {"origins": [{"originId": "server", "customOriginConfig": CUSTOM}]}
_BOTH_FUNCTIONS = {
    "functionAssociations": [{"eventType": "viewer-request"}, {"eventType": "viewer-response"}]
}


def _cache_policy(**props: Any) -> Resource:  # noqa: ANN401
    return made("cache-policy", {"maxTtl": 60, **props})


def _cached_by(policy: Resource) -> Resource:
    """A distribution with a server, whose behavior uses the policy."""
    return made(
        "distribution",
        {**_SERVERS, "defaultCacheBehavior": {**BEHAVIOUR, **_BOTH_FUNCTIONS}},
        refers={"defaultCacheBehavior": policy.urn},
    )


def _key_of(*headers: str) -> dict[str, Any]:
    return {
        "parametersInCacheKeyAndForwardedToOrigin": {"headersConfig": {"headers": {"items": list(headers)}}}
    }


SHARED_CACHES = [
    *(
        _v("servers-release-what-is-shared", "add x-anchor-cache to its key", policy, _cached_by(policy))
        for policy in (_cache_policy(), _cache_policy(**_key_of("x-anchor-release", "rsc")))
    ),
    *(
        _v(
            "servers-have-own-cache-policies",
            says,
            made(
                "distribution",
                {**_SERVERS, "defaultCacheBehavior": {**BEHAVIOUR, **_BOTH_FUNCTIONS, **caching}},
            ),
        )
        for caching, says in (
            ({"cachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}, "a cache policy of AWS"),
            ({"forwardedValues": {"queryString": True}, "defaultTtl": 60}, "uses forwardedValues"),
        )
    ),
    *(
        _v(
            "servers-are-behind-edge-functions",
            f"has no {missing} function for /_next/image*",
            made(
                "distribution",
                {
                    **_SERVERS,
                    "defaultCacheBehavior": {**BEHAVIOUR, **_BOTH_FUNCTIONS},
                    "orderedCacheBehaviors": [
                        {
                            **BEHAVIOUR,
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
        _v(
            "public-access-block-is-complete",
            f"does not set {switch}",
            made("public-access-block", {**ALL_CLOSED, switch: False}),
        )
        for switch in ALL_CLOSED
    ),
    _v("buckets-are-closed", "has no BucketPublicAccessBlock", BUCKET, OWNED),
    _v("buckets-are-closed", "has ACLs", BUCKET, BLOCK),
    _v(
        "buckets-are-closed",
        "has ACLs",
        BUCKET,
        BLOCK,
        made("ownership", {"rule": {"objectOwnership": "ObjectWriter"}}, refers=OF_THE_BUCKET),
    ),
    _v("no-public-acl", "has the ACL public-read", made("bucket", {"acl": "public-read"})),
    _v("no-public-acl", "authenticated-read", made("acl", {"acl": "authenticated-read"})),
    _v(
        "no-policy-for-everyone",
        "allows everyone s3:GetObject",
        made("bucket-policy", {"policy": document(Principal="*")}),
    ),
    _v(
        "no-policy-for-everyone",
        "allows everyone sns:Publish",
        made("topic", {"policy": document(Principal={"AWS": ["*"]}, Action="sns:Publish")}),
    ),
    _v("no-function-for-everyone", "lets everyone call", made("permission", {"principal": "*"})),
    _v(
        "no-function-for-everyone",
        "name the resource as sourceArn",
        made("permission", {"principal": "s3.amazonaws.com"}),
    ),
    _v("cors-names-its-origins", "(*)", made("api", {"corsConfiguration": {"allowOrigins": ["*"]}})),
    _v(
        "cors-names-its-origins",
        "(https://*.example.com)",
        made("cors", {"corsRules": [{"allowedOrigins": ["https://a.example", "https://*.example.com"]}]}),
    ),
]

ENCRYPTION = [
    _v("tables-are-encrypted", "serverSideEncryption", made("table")),
    _v("tables-are-encrypted", "cannot see", made("table", {"serverSideEncryption": {"enabled": False}})),
    _v("queues-are-encrypted", "is not encrypted", made("queue", {"sqsManagedSseEnabled": False})),
    _v("topics-are-encrypted", "set kmsMasterKeyId", made("topic", {"name": "anchor-dev-orders"})),
    _v("parameters-are-encrypted", "SecureString", made("parameter", {"type": "String", "value": "a"})),
    _v("keys-rotate", "never changes", made("key", {"enableKeyRotation": False})),
    _v("keys-rotate", "never changes", made("key", {"keyUsage": "ENCRYPT_DECRYPT"})),
    _v("buckets-are-encrypted", "has no BucketServerSide", BUCKET, made("sse")),
]

TRANSPORT = [
    _v(
        "viewers-use-https",
        "serves the default behaviour over http",
        made("distribution", {"defaultCacheBehavior": {"viewerProtocolPolicy": "allow-all"}}),
    ),
    _v(
        "viewers-use-https",
        "serves /a/* over http",
        made(
            "distribution",
            {
                "defaultCacheBehavior": BEHAVIOUR,
                "orderedCacheBehaviors": [{"pathPattern": "/a/*", "viewerProtocolPolicy": "allow-all"}],
            },
        ),
    ),
    _v(
        "viewers-use-tls-1-2",
        "takes TLSv1.1_2016",
        made("distribution", {"viewerCertificate": {"minimumProtocolVersion": "TLSv1.1_2016"}}),
    ),
    _v("viewers-use-tls-1-2", "takes None", made("distribution", {"viewerCertificate": {}})),
    _v("origins-use-https", "speaks http to the origin server", _origin(originProtocolPolicy="match-viewer")),
    _v("origins-use-https", "less than TLS 1.2", _origin(originSslProtocols=["TLSv1", "TLSv1.2"])),
    _v(
        "api-domains-use-tls-1-2",
        "less than TLS 1.2",
        made("domain-name", {"domainNameConfiguration": {"securityPolicy": "TLS_1_0"}}),
    ),
    _v("subscriptions-use-tls", "over http", made("subscription", {"protocol": "http"})),
    _v("topics-take-tls-only", "without TLS", made("topic")),
    _v("topics-take-tls-only", "without TLS", made("topic", {"policy": document(Principal="*")})),
    _v(
        "buckets-take-tls-only",
        "without TLS",
        BUCKET,
        made("bucket-policy", {"policy": document()}, refers=OF_THE_BUCKET),
    ),
]

PERMISSIONS = [
    *(
        _v("no-wildcard-action", f"allows the action {action}", made("role-policy", {"policy": text}))
        for action, text in (
            ("*", document(Action="*")),
            ("dynamodb:*", document(Action=["s3:GetObject", "dynamodb:*"])),
            ("s3:Get*", document(Action="s3:Get*")),
            ("kms:*", document(Action="kms:*")),
        )
    ),
    _v("no-wildcard-action", "allows by NotAction", made("policy", {"policy": document(NotAction="iam:*")})),
    _v("no-wildcard-action", "s3:*", made("bucket-policy", {"policy": document(Action="s3:*")})),
    *(
        _v("no-wildcard-resource", f"on {arn}: name", made("role-policy", {"policy": document(Resource=arn)}))
        for arn in ("*", "arn:aws:s3:::anchor-dev-1-assets/*", "arn:aws:dynamodb:a:1:table/anchor-*")
    ),
    _v("no-wildcard-resource", "on *", made("policy", {"policy": document(Resource=["arn:aws:a", "*"])})),
    _v("no-role-for-everyone", "everyone", made("role", {"assumeRolePolicy": document(Principal="*")})),
    _v(
        "no-policy-of-aws",
        "AdministratorAccess",
        made("attachment", {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ),
    _v(
        "own-role",
        "shares the role of first",
        made("role"),
        made("function", name="first", refers={"role": urn("role")}),
        made("build", name="second", refers={"serviceRole": urn("role")}),
    ),
    _v("own-role", "does not declare", made("function", {"role": "arn:aws:iam::1:role/admin"})),
]

ROUTES = [
    _v(
        "routes-want-a-token",
        "answers GET /images without a token",
        made("route", {"routeKey": "GET /images", "authorizationType": "NONE"}),
    ),
    _v(
        "routes-want-a-token",
        "answers $default",
        made("route", {"routeKey": "$default", "authorizationType": "JWT"}),
    ),
    _v("tokens-are-ours", "checks no JWT", made("authorizer", {"authorizerType": "REQUEST"})),
    _v(
        "tokens-are-ours",
        "from anyone",
        made(
            "authorizer",
            {"authorizerType": "JWT", "jwtConfiguration": {"issuer": "https://i", "audiences": []}},
        ),
    ),
]

SECRETS = [
    *(
        _v("no-secret-variable", name, made("function", {"environment": {"variables": {name: "x"}}}))
        for name in ("CLIENT_SECRET", "dbPassword", "GITHUB_TOKEN", "PRIVATE_KEY", "SHOP_API_KEYS")
    ),
    _v(
        "no-secret-variable",
        "NPM_TOKEN",
        made("build", {"environment": {"environmentVariables": [{"name": "NPM_TOKEN", "value": "x"}]}}),
    ),
    *(
        _v("no-secret-in-plain-text", f"looks like {what} in a.b[0]", made("queue", {"a": {"b": [text]}}))
        for what, text in (
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
        _v("production-is-protected", "protect it", made(what, **PRODUCTION))
        for what in ("table", "bucket", "key", "user-pool", "distribution", "log-group", "api")
    ),
    _v(
        "production-tables-are-kept",
        "deletionProtectionEnabled",
        made("table", {"pointInTimeRecovery": {"enabled": True}}, **PRODUCTION),
    ),
    _v(
        "production-tables-are-kept",
        "pointInTimeRecovery",
        made("table", {"deletionProtectionEnabled": True}, **PRODUCTION),
    ),
    _v("production-buckets-are-kept", "forceDestroy", made("bucket", {"forceDestroy": True}, **PRODUCTION)),
    _v("production-users-are-kept", "deletionProtection", made("user-pool", **PRODUCTION)),
    _v("production-keys-are-kept", "30", made("key", {"deletionWindowInDays": 7}, **PRODUCTION)),
]

LOGS = [
    _v("logs-end", "for ever", made("log-group", {"retentionInDays": 0})),
    _v("logs-end", "for ever", made("log-group")),
    _v(
        "builds-log",
        "does not log",
        made("build", {"logsConfig": {"cloudwatchLogs": {"status": "DISABLED"}}}),
    ),
    _v("logs-have-a-group", "in loggingConfig", made("function"), made("log-group")),
    _v("logs-have-a-group", "in logsConfig", made("build")),
    _v("logs-have-a-group", "in accessLogSettings", made("stage")),
]

DEAD_LETTERS = [
    _v("queues-have-dead-letters", "redrivePolicy", made("queue")),
    _v("streams-have-dead-letters", "onFailure", _stream(destinationConfig=None)),
    _v("streams-have-dead-letters", "maximumRetryAttempts", _stream(maximumRetryAttempts=-1)),
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
]
