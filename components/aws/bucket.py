"""RetainedBucket: a private bucket that follows the retention of its scope."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.function import Function
from components.aws.lifecycle import MOVED_SIZES, LifecycleRule
from components.core.component import Component
from components.core.errors import DeclarationError
from components.core.grants import Grant
from components.core.hosts import ORIGIN_FORMAT, is_origin
from components.core.outputs import JoinedText, interpolate, interpolate_json
from components.core.scope import ResourceScope

CorsMethod = Literal["DELETE", "GET", "HEAD", "POST", "PUT"]
ObjectAction = Literal["DeleteObject", "GetObject", "PutObject"]

_LONGEST_NAME: Final = 63
_ACCOUNT_DIGITS: Final = 12
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,24}[a-z0-9]")


@attrs.frozen(kw_only=True)
class CorsRule:
    """A CORS rule of a bucket.

    Attributes:
        origins: Complete origins (`https://app.example.com`). `*` is not allowed.
        methods: HTTP methods.
        headers: Allowed request headers, in addition to the CORS-safelisted request headers.
        exposed: Response headers that a page may read, in addition to the CORS-safelisted response headers.
        max_age: Seconds for which a browser caches the answer to a preflight request.

    Raises:
        DeclarationError: There is no origin, or an origin is invalid.
    """

    origins: tuple[str, ...]
    methods: tuple[CorsMethod, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int = 3600

    def __attrs_post_init__(self) -> None:
        wrong = [origin for origin in self.origins if not is_origin(origin)]
        if wrong or not self.origins:
            raise DeclarationError(f"invalid CORS origins {wrong}; allowed: {ORIGIN_FORMAT}")


@attrs.frozen(kw_only=True)
class RetainedBucketArgs:
    """Arguments of `RetainedBucket`.

    Attributes:
        scope: Values that the resources share, such as the name prefix. The account id makes the bucket name
            globally unique.
        lifecycle: Lifecycle rules.
        versioned: Whether replaced and deleted objects can be restored.
        cors: CORS rules.
        key_arn: ARN of the KMS key that encrypts the objects. Without it, S3 uses its own keys (SSE-S3).
        read_by_distribution: Whether a distribution reads the bucket. If it does, `allow_distribution` must
            be called later. That method creates the bucket policy, which needs the distribution's ARN.

    Raises:
        DeclarationError: Two lifecycle rules have the same name, or a rule deletes replaced versions of a
            bucket that is not versioned.
    """

    scope: ResourceScope
    lifecycle: tuple[LifecycleRule, ...] = ()
    versioned: bool = False
    cors: tuple[CorsRule, ...] = ()
    key_arn: pulumi.Input[str] | None = None
    read_by_distribution: bool = False

    def __attrs_post_init__(self) -> None:
        names = [rule.name for rule in self.lifecycle]
        for rule in self.lifecycle:
            if names.count(rule.name) > 1:
                raise DeclarationError(f"lifecycle rule {rule.name!r} is declared twice; use a unique name")
            if rule.noncurrent_expire_days and not self.versioned:
                raise DeclarationError(
                    f"lifecycle rule {rule.name!r} deletes replaced versions, but the bucket is not "
                    "versioned; set versioned=True or remove noncurrent_expire_days"
                )


class RetainedBucket(Component):
    """A private, encrypted bucket that requires TLS.

    Attributes:
        bucket_name: Bucket name.
        arn: Bucket ARN.
        domain_name: Regional domain name, which a distribution uses as its origin.

    Raises:
        DeclarationError: Invalid S3 bucket name.
    """

    def __init__(
        self, name: str, args: RetainedBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if not _NAME.fullmatch(name):
            raise DeclarationError(
                f"bucket {name!r}: allowed are 2 to 26 of a-z, 0-9 and hyphens, starting with a letter"
            )
        longest = _LONGEST_NAME - len(f"-{'0' * _ACCOUNT_DIGITS}-{name}")
        if len(args.scope.prefix) > longest:
            raise DeclarationError(
                f"bucket {name!r}: the prefix {args.scope.prefix!r} is too long; because the bucket name "
                f"contains the account id, too, S3 allows a prefix of {longest} characters"
            )
        super().__init__("bucket", name, args.scope, opts)
        bucket = aws.s3.Bucket(
            name,
            bucket=interpolate(args.scope.prefix, "-", args.scope.account, "-", name),
            force_destroy=not args.scope.retain,
            opts=self.retained_child_opts,
        )
        self._name = name
        self._account = args.scope.account
        self._read_by_distribution = args.read_by_distribution
        self._has_notification = False
        self.bucket_name = bucket.bucket
        self.arn = bucket.arn
        self.domain_name = bucket.bucket_regional_domain_name
        self._block_public_access(args)
        if not args.read_by_distribution:
            self._set_policy(())
        self._set_lifecycle(args)
        self.register_outputs({"name": bucket.bucket, "arn": bucket.arn})

    def grant(self, *actions: ObjectAction, prefix: pulumi.Input[str]) -> Grant:
        """Allow actions on the objects whose keys start with `prefix`."""
        return Grant(
            actions=tuple(f"s3:{action}" for action in actions),
            resources=(JoinedText(self.arn, "/", prefix, "*"),),
        )

    def grant_list(self, *, prefix: pulumi.Input[str] | None = None) -> Grant:
        """Allow listing the keys that start with `prefix`. Without a prefix, allow listing all keys."""
        return Grant(
            actions=("s3:ListBucket",),
            resources=(self.arn,),
            conditions={"StringLike": {"s3:prefix": JoinedText(prefix, "*")}} if prefix else None,
        )

    def allow_distribution(self, *, distribution_arn: pulumi.Input[str], prefix: str) -> None:
        """Create the bucket policy that lets only this distribution read the objects under `prefix`.

        Raises:
            DeclarationError: The bucket was not declared with `read_by_distribution`.
        """
        if not self._read_by_distribution:
            raise DeclarationError(
                f"bucket {self._name!r} already has its policy; declare it with read_by_distribution=True"
            )
        self._set_policy(
            [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudfront.amazonaws.com"},
                    "Action": "s3:GetObject",
                    "Resource": JoinedText(self.arn, "/", prefix, "*"),
                    "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
                }
            ]
        )

    def notify(self, function: Function, *, prefix: str) -> None:
        """Call a function asynchronously for every object created under `prefix`.

        Raises:
            DeclarationError: The bucket already notifies a function. A bucket has one notification
                configuration, so a second configuration would replace the first one.
        """
        if self._has_notification:
            raise DeclarationError(
                f"bucket {self._name!r} already notifies a function; S3 allows one notification configuration"
            )
        self._has_notification = True
        allowed = function.allow_invoke(
            f"objects-of-{self._name}",
            service="s3.amazonaws.com",
            source_arn=self.arn,
            source_account=self._account,
        )
        aws.s3.BucketNotification(
            self._name,
            bucket=self.bucket_name,
            lambda_functions=[
                aws.s3.BucketNotificationLambdaFunctionArgs(
                    id="created",
                    lambda_function_arn=function.arn,
                    events=["s3:ObjectCreated:*"],
                    filter_prefix=prefix,
                )
            ],
            # Pulumi creates the permission first. Without this permission, S3 refuses the notification.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )

    def _block_public_access(self, args: RetainedBucketArgs) -> None:
        self._private = aws.s3.BucketPublicAccessBlock(
            self._name,
            bucket=self.bucket_name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child_opts,
        )
        aws.s3.BucketOwnershipControls(
            self._name,
            bucket=self.bucket_name,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self.child_opts,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            self._name,
            bucket=self.bucket_name,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms" if args.key_arn else "AES256",
                        kms_master_key_id=args.key_arn,
                    ),
                    # A bucket key reduces the number of KMS requests, which are charged.
                    bucket_key_enabled=bool(args.key_arn),
                )
            ],
            opts=self.child_opts,
        )

    def _set_lifecycle(self, args: RetainedBucketArgs) -> None:
        if args.versioned:
            aws.s3.BucketVersioning(
                self._name,
                bucket=self.bucket_name,
                versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
                opts=self.child_opts,
            )
        if args.lifecycle:
            aws.s3.BucketLifecycleConfiguration(
                self._name,
                bucket=self.bucket_name,
                rules=[rule.args for rule in args.lifecycle],
                transition_default_minimum_object_size=MOVED_SIZES,
                opts=self.child_opts,
            )
        if args.cors:
            aws.s3.BucketCorsConfiguration(
                self._name,
                bucket=self.bucket_name,
                cors_rules=[
                    aws.s3.BucketCorsConfigurationCorsRuleArgs(
                        allowed_origins=list(rule.origins),
                        allowed_methods=list(rule.methods),
                        allowed_headers=list(rule.headers),
                        expose_headers=list(rule.exposed) or None,
                        max_age_seconds=rule.max_age,
                    )
                    for rule in args.cors
                ],
                opts=self.child_opts,
            )

    def _set_policy(self, allow_statements: Sequence[Mapping[str, object]]) -> None:
        deny_without_tls = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [self.arn, JoinedText(self.arn, "/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        aws.s3.BucketPolicy(
            self._name,
            bucket=self.bucket_name,
            policy=interpolate_json(
                {"Version": "2012-10-17", "Statement": [deny_without_tls, *allow_statements]}
            ),
            # S3 refuses to change the policy and the public access block at the same time ("a conflicting
            # conditional operation is in progress"). The policy is therefore created after the block.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._private]),
        )
