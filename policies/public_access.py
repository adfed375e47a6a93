"""Public access: nothing of the stage answers to everyone but the distributions and the APIs."""

from collections.abc import Iterator
from typing import Final

from policies.documents import BUCKET_POLICY, TOPIC, statements
from policies.graph import Graph, Resource, ResourceRule, StackRule

BUCKET: Final = "aws:s3/bucket:Bucket"
_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_OWNERSHIP: Final = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
_SWITCHES: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
# CORS is no access by itself, but lets any page on the internet use that of its visitor.
_CORS: Final = {
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": "corsRules",
    "aws:apigatewayv2/api:Api": "corsConfiguration",
}


def _incomplete_block(resource: Resource) -> Iterator[str]:
    yield from (f"does not set {switch}" for switch in _SWITCHES if not resource.is_one_of(switch, True))


def _open_buckets(graph: Graph) -> Iterator[tuple[Resource, str]]:
    for bucket in graph.of(BUCKET):
        if not graph.referring(bucket, _BLOCK, "bucket"):
            yield bucket, "has no BucketPublicAccessBlock"
        controls = graph.referring(bucket, _OWNERSHIP, "bucket")
        if not any(one.is_one_of("rule.objectOwnership", "BucketOwnerEnforced") for one in controls):
            yield bucket, "has ACLs: turn them off with BucketOwnershipControls, BucketOwnerEnforced"


def _acl(resource: Resource) -> Iterator[str]:
    acl = resource.get("acl")
    if isinstance(acl, str) and acl.startswith(("public-", "authenticated-read")):
        yield f"has the ACL {acl}"


def _policy_for_everyone(resource: Resource) -> Iterator[str]:
    for statement in statements(resource):
        if statement.allows and "*" in statement.principals:
            yield f"allows everyone {', '.join(statement.actions)}: name the principal"


def _function_for_everyone(resource: Resource) -> Iterator[str]:
    if resource.get("principal") == "*":
        yield "lets everyone call the function: name the service and the resource in whose name it calls"
    elif resource.get("sourceArn") is None:
        yield "lets a service call the function for whoever asks it to: name the resource as sourceArn"


def _origins(resource: Resource) -> Iterator[str]:
    if resource.type == "aws:apigatewayv2/api:Api":
        origins = list(resource.entries("corsConfiguration.allowOrigins"))
    else:
        origins = [
            origin
            for rule in resource.entries(_CORS[resource.type])
            for origin in Resource(type="", name="", urn="", props=rule).entries("allowedOrigins")
        ]
    yield from (
        f"lets pages of every origin in ({origin}): name the origins"
        for origin in origins
        if isinstance(origin, str) and "*" in origin
    )


RULES: Final = (
    ResourceRule(
        name="public-access-block-is-complete",
        description="A public access block sets all of its four switches.",
        types=(_BLOCK,),
        check=_incomplete_block,
        severity="critical",
    ),
    StackRule(
        name="buckets-are-closed",
        description="Every bucket has a public access block, and no ACLs.",
        check=_open_buckets,
        severity="critical",
    ),
    ResourceRule(
        name="no-public-acl",
        description="No ACL makes a bucket public.",
        types=(BUCKET, "aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketObjectv2:BucketObjectv2"),
        check=_acl,
        severity="critical",
    ),
    ResourceRule(
        name="no-policy-for-everyone",
        description="No bucket, topic or queue lets everyone do something.",
        types=(
            BUCKET_POLICY,
            TOPIC,
            "aws:sns/topicPolicy:TopicPolicy",
            "aws:sqs/queuePolicy:QueuePolicy",
        ),
        check=_policy_for_everyone,
        severity="critical",
    ),
    ResourceRule(
        name="no-function-for-everyone",
        description="Functions are called by a named resource of a named service.",
        types=("aws:lambda/permission:Permission",),
        check=_function_for_everyone,
        severity="critical",
    ),
    ResourceRule(
        name="cors-names-its-origins",
        description="CORS lets named origins in, never all.",
        types=tuple(_CORS),
        check=_origins,
    ),
)
