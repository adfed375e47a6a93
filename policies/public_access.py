"""Public access: only the distributions and the APIs are public."""

from collections.abc import Iterator
from typing import Final

from policies.documents import BUCKET_POLICY, TOPIC, read_statements
from policies.graph import Graph, Resource, ResourceRule, StackRule

BUCKET: Final = "aws:s3/bucket:Bucket"
_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_OWNERSHIP: Final = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
_SETTINGS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
# The properties with CORS rules, by resource type. CORS itself grants no access. But a page of an allowed
# origin can send requests with its visitor's permissions, and read the responses.
_CORS_PROPERTIES: Final = {
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": "corsRules",
    "aws:apigatewayv2/api:Api": "corsConfiguration",
}


def _check_public_access_block(resource: Resource) -> Iterator[str]:
    yield from (
        f"does not set {setting}: set all four settings to true"
        for setting in _SETTINGS
        if not resource.is_one_of(setting, True)
    )


def _check_buckets(graph: Graph) -> Iterator[tuple[Resource, str]]:
    for bucket in graph.find_by_type(BUCKET):
        if not graph.find_referrers(bucket, _BLOCK, "bucket"):
            yield bucket, "has no BucketPublicAccessBlock: add one"
        controls = graph.find_referrers(bucket, _OWNERSHIP, "bucket")
        if not any(one.is_one_of("rule.objectOwnership", "BucketOwnerEnforced") for one in controls):
            yield bucket, "has ACLs: disable them with BucketOwnershipControls and BucketOwnerEnforced"


def _check_acl(resource: Resource) -> Iterator[str]:
    acl = resource.get("acl")
    if isinstance(acl, str) and acl.startswith(("public-", "authenticated-read")):
        yield f"has the public ACL {acl}: remove it"


def _check_policy(resource: Resource) -> Iterator[str]:
    for statement in read_statements(resource):
        if statement.allows and "*" in statement.principals:
            yield f"allows everyone {', '.join(statement.actions)}: name the principal"


def _check_permission(resource: Resource) -> Iterator[str]:
    if resource.get("principal") == "*":
        yield "lets everyone call the function: set the service as principal and the resource as sourceArn"
    elif resource.get("sourceArn") is None:
        yield "lets a service call the function for any account: set the resource as sourceArn"


def _check_cors_origins(resource: Resource) -> Iterator[str]:
    if resource.type == "aws:apigatewayv2/api:Api":
        origins = list(resource.get_list("corsConfiguration.allowOrigins"))
    else:
        origins = [
            origin
            for rule in resource.get_list(_CORS_PROPERTIES[resource.type])
            for origin in Resource(type="", name="", urn="", props=rule).get_list("allowedOrigins")
        ]
    yield from (
        f"allows pages of every origin ({origin}): list the origins"
        for origin in origins
        if isinstance(origin, str) and "*" in origin
    )


RULES: Final = (
    ResourceRule(
        name="public-access-block-is-complete",
        description="A public access block enables all four settings.",
        types=(_BLOCK,),
        check=_check_public_access_block,
        severity="critical",
    ),
    StackRule(
        name="buckets-are-private",
        description="Every bucket has a public access block and no ACLs.",
        check=_check_buckets,
        severity="critical",
    ),
    ResourceRule(
        name="no-public-acl",
        description="No ACL makes a bucket public.",
        types=(BUCKET, "aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketObjectv2:BucketObjectv2"),
        check=_check_acl,
        severity="critical",
    ),
    ResourceRule(
        name="no-policy-for-everyone",
        description="No policy of a bucket, topic or queue allows everyone.",
        types=(
            BUCKET_POLICY,
            TOPIC,
            "aws:sns/topicPolicy:TopicPolicy",
            "aws:sqs/queuePolicy:QueuePolicy",
        ),
        check=_check_policy,
        severity="critical",
    ),
    ResourceRule(
        name="function-callers-are-named",
        description="Only a named resource of a named service can call a function.",
        types=("aws:lambda/permission:Permission",),
        check=_check_permission,
        severity="critical",
    ),
    ResourceRule(
        name="cors-origins-are-listed",
        description="CORS allows a list of origins, never all origins.",
        types=tuple(_CORS_PROPERTIES),
        check=_check_cors_origins,
    ),
)
