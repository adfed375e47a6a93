"""TenantTable and RetainedBucket as components of the provider."""

# Pulumi derives the provider's schema from these annotations. The text after a field becomes its description.

from enum import Enum
from typing import NotRequired, TypedDict, get_args

import pulumi

from components.aws import bucket, table
from components.aws.lifecycle import LifecycleRule, Transition
from components.aws.table_design import Index, Key, TableDesign
from components.core.errors import DeclarationError
from packages.components.anchor_deploy.provider.scope import ScopeArgs, create_scope


class KeyType(Enum):
    """The type of a key attribute."""

    STRING = "S"
    NUMBER = "N"
    BINARY = "B"


class StorageClass(Enum):
    """A storage class of S3."""

    STANDARD_IA = "STANDARD_IA"
    INTELLIGENT_TIERING = "INTELLIGENT_TIERING"
    ONEZONE_IA = "ONEZONE_IA"
    GLACIER_IR = "GLACIER_IR"
    GLACIER = "GLACIER"
    DEEP_ARCHIVE = "DEEP_ARCHIVE"


class KeyArgs(TypedDict):
    """A key attribute."""

    name: str
    """Attribute name."""
    type: NotRequired[KeyType]
    """Attribute type. The default is S, a string."""


class IndexArgs(TypedDict):
    """A global secondary index."""

    name: str
    """Index name, 3 to 255 of a-z A-Z 0-9 _ . -."""
    partition_key: KeyArgs
    """Partition key of the index."""
    sort_key: NotRequired[KeyArgs]
    """Sort key of the index."""
    projected_attributes: NotRequired[list[str]]
    """Attributes that the index contains in addition to the keys. By default it contains all attributes; an
    empty list means only the keys."""


class TenantTableArgs(TypedDict):
    """Arguments of TenantTable."""

    scope: ScopeArgs
    """Values that the resources of the program share."""
    tenant: str
    """Attribute that names the tenant. A partition key of the table or of an index must contain it."""
    tenant_key: NotRequired[str]
    """Name of the composed partition key that contains the tenant, such as a key USER#<userId>."""
    partition_key: KeyArgs
    """Partition key of the table."""
    sort_key: NotRequired[KeyArgs]
    """Sort key of the table."""
    indexes: NotRequired[list[IndexArgs]]
    """Global secondary indexes, at most 20."""
    ttl_attribute: NotRequired[str]
    """Attribute with the time (Unix seconds) after which DynamoDB deletes a row."""
    stream: NotRequired[bool]
    """Whether the table has a stream with the old and the new row of each change."""
    point_in_time_recovery: NotRequired[bool]
    """Whether the table can be restored as of any second of the last 35 days. The default is scope.retain."""
    key_arn: NotRequired[pulumi.Input[str]]
    """ARN of a customer-managed KMS key. The default is the AWS managed key."""


class TenantTable(pulumi.ComponentResource):
    """An on-demand, encrypted DynamoDB table whose rows can all be queried by tenant."""

    table_name: pulumi.Output[str]
    """Table name."""
    arn: pulumi.Output[str]
    """Table ARN."""
    stream_arn: pulumi.Output[str]
    """Stream ARN, if the table has a stream."""

    def __init__(self, name: str, args: TenantTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("anchor:index:TenantTable", name, None, opts)
        design = TableDesign(
            tenant=args["tenant"],
            tenant_key=args.get("tenant_key"),
            partition_key=_create_key(args["partition_key"]),
            sort_key=_create_key(args["sort_key"]) if "sort_key" in args else None,
            indexes=tuple(_create_index(each) for each in args.get("indexes", [])),
            ttl_attribute=args.get("ttl_attribute"),
            stream=args.get("stream", False),
        )
        made = table.TenantTable(
            name,
            table.TenantTableArgs(
                scope=create_scope(args["scope"]),
                design=design,
                point_in_time_recovery=args.get("point_in_time_recovery"),
                key_arn=args.get("key_arn"),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.table_name = made.table_name
        self.arn = made.arn
        self.stream_arn = made.stream_arn
        self.register_outputs({"tableName": self.table_name, "arn": self.arn, "streamArn": self.stream_arn})


class TransitionArgs(TypedDict):
    """A move to a colder storage class."""

    to: StorageClass
    """The storage class."""
    days: int
    """Days after an object's creation. 0 means immediately."""


class LifecycleRuleArgs(TypedDict):
    """A rule for objects with the same prefix."""

    name: str
    """Rule name, unique in the bucket."""
    prefix: NotRequired[str]
    """Prefix of the object keys. By default the rule applies to all objects."""
    transitions: NotRequired[list[TransitionArgs]]
    """Moves to colder storage classes, in order."""
    expire_days: NotRequired[int]
    """Days after creation when objects are deleted."""
    noncurrent_expire_days: NotRequired[int]
    """Days after which replaced versions are deleted."""
    abort_multipart_days: NotRequired[int]
    """Days after which incomplete multipart uploads are deleted."""


class CorsRuleArgs(TypedDict):
    """A CORS rule of a bucket."""

    origins: list[str]
    """Complete origins, such as https://app.example.com."""
    methods: list[str]
    """HTTP methods: DELETE, GET, HEAD, POST or PUT."""
    headers: NotRequired[list[str]]
    """Allowed request headers, in addition to the CORS-safelisted request headers."""
    exposed: NotRequired[list[str]]
    """Response headers that a page may read, in addition to the CORS-safelisted response headers."""


class RetainedBucketArgs(TypedDict):
    """Arguments of RetainedBucket."""

    scope: ScopeArgs
    """Values that the resources of the program share."""
    lifecycle: NotRequired[list[LifecycleRuleArgs]]
    """Lifecycle rules."""
    versioned: NotRequired[bool]
    """Whether replaced and deleted objects can be restored."""
    cors: NotRequired[list[CorsRuleArgs]]
    """CORS rules."""
    key_arn: NotRequired[pulumi.Input[str]]
    """ARN of the KMS key that encrypts the objects. Without it, S3 uses its own keys."""


class RetainedBucket(pulumi.ComponentResource):
    """A private, encrypted S3 bucket that requires TLS."""

    bucket_name: pulumi.Output[str]
    """Bucket name."""
    arn: pulumi.Output[str]
    """Bucket ARN."""
    domain_name: pulumi.Output[str]
    """Regional domain name."""

    def __init__(
        self, name: str, args: RetainedBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("anchor:index:RetainedBucket", name, None, opts)
        made = bucket.RetainedBucket(
            name,
            bucket.RetainedBucketArgs(
                scope=create_scope(args["scope"]),
                lifecycle=tuple(_create_lifecycle_rule(each) for each in args.get("lifecycle", [])),
                versioned=args.get("versioned", False),
                cors=tuple(_create_cors_rule(each) for each in args.get("cors", [])),
                key_arn=args.get("key_arn"),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.bucket_name = made.bucket_name
        self.arn = made.arn
        self.domain_name = made.domain_name
        self.register_outputs(
            {"bucketName": self.bucket_name, "arn": self.arn, "domainName": self.domain_name}
        )


def _create_key(args: KeyArgs) -> Key:
    return Key(args["name"], args["type"].value if "type" in args else "S")


def _create_index(args: IndexArgs) -> Index:
    projected = args.get("projected_attributes")
    return Index(
        name=args["name"],
        partition_key=_create_key(args["partition_key"]),
        sort_key=_create_key(args["sort_key"]) if "sort_key" in args else None,
        projection="ALL" if projected is None else tuple(projected) or "KEYS_ONLY",
    )


def _create_lifecycle_rule(args: LifecycleRuleArgs) -> LifecycleRule:
    return LifecycleRule(
        name=args["name"],
        prefix=args.get("prefix", ""),
        transitions=tuple(
            Transition(to=each["to"].value, days=int(each["days"])) for each in args.get("transitions", [])
        ),
        expire_days=_read_days(args.get("expire_days")),
        noncurrent_expire_days=_read_days(args.get("noncurrent_expire_days")),
        abort_multipart_days=_read_days(args.get("abort_multipart_days")),
    )


def _read_days(value: float | None) -> int | None:
    """Return a number of days as an integer. All numbers of Pulumi's protocol are floats."""
    return None if value is None else int(value)


def _create_cors_rule(args: CorsRuleArgs) -> bucket.CorsRule:
    return bucket.CorsRule(
        origins=tuple(args["origins"]),
        methods=tuple(_read_method(each) for each in args["methods"]),
        headers=tuple(args.get("headers", [])),
        exposed=tuple(args.get("exposed", [])),
    )


def _read_method(method: str) -> bucket.CorsMethod:
    # The SDK cannot read a list of enum values, so the schema does not list the methods.
    for known in get_args(bucket.CorsMethod):
        if method == known:
            return known
    raise DeclarationError(f"CORS method {method!r}; allowed: {', '.join(get_args(bucket.CorsMethod))}")
