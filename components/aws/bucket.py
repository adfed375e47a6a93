"""RetainedBucket: a private bucket that follows the stage's rule of retention (B1 to B4, B6)."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.function import Function
from components.aws.lifecycle import LifecycleRule
from components.core.component import Component
from components.core.errors import DeclarationError
from components.core.grants import Grant
from components.core.hosts import ORIGIN_IS, is_origin
from components.core.outputs import Joined, composed, composed_json
from components.core.stage import StageConfig

ObjectAction = Literal["DeleteObject", "GetObject", "PutObject"]

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,24}[a-z0-9]")


@attrs.frozen(kw_only=True)
class CorsRule:
    """What pages of other origins may do with the objects.

    Attributes:
        origins: Origins in full (`https://app.example.com`); not every origin there is.
        methods: HTTP methods.
        headers: Request headers beyond the simple ones.
        exposed: Response headers that a page may read beyond the simple ones.
        max_age: Seconds for which a browser remembers the answer.

    Raises:
        DeclarationError: An origin is none, or stands for all of them.
    """

    origins: tuple[str, ...]
    methods: tuple[Literal["DELETE", "GET", "HEAD", "POST", "PUT"], ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int = 3600

    def __attrs_post_init__(self) -> None:
        wrong = [origin for origin in self.origins if not is_origin(origin)]
        if wrong or not self.origins:
            raise DeclarationError(f"CORS for the origins {wrong}; allowed: {ORIGIN_IS}")


@attrs.frozen(kw_only=True)
class RetainedBucketArgs:
    """What a RetainedBucket is made of.

    Attributes:
        stage: The stage it belongs to.
        account: The AWS account's id, which makes the name unique in the world.
        lifecycle: What becomes of objects with time.
        versioned: Whether replaced and deleted objects can be had back.
        cors: What pages of other origins may do.
        key_arn: A KMS key instead of S3's own encryption.
        served: Whether a distribution reads the bucket. `serve` then makes the bucket's one policy; the
            distribution needs the bucket's name before the policy can name the distribution.

    Raises:
        DeclarationError: The lifecycle rules contradict each other or the bucket.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    lifecycle: tuple[LifecycleRule, ...] = ()
    versioned: bool = False
    cors: tuple[CorsRule, ...] = ()
    key_arn: pulumi.Input[str] | None = None
    served: bool = False

    def __attrs_post_init__(self) -> None:
        names = [rule.name for rule in self.lifecycle]
        for rule in self.lifecycle:
            if names.count(rule.name) > 1:
                raise DeclarationError(
                    f"lifecycle rule {rule.name!r} is declared twice; names are unique in a bucket"
                )
            if rule.noncurrent_expire_days and not self.versioned:
                raise DeclarationError(
                    f"lifecycle rule {rule.name!r} deletes replaced versions, but the bucket keeps none; "
                    "make it versioned or drop noncurrent_expire_days"
                )


class RetainedBucket(Component):
    """A bucket closed to the public, encrypted, and reached over TLS only.

    Attributes:
        bucket_name: The bucket's name.
        arn: The bucket's ARN.
        domain_name: Where a distribution finds it.

    Raises:
        DeclarationError: The name is none that S3 takes.
    """

    def __init__(
        self, name: str, args: RetainedBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if not _NAME.fullmatch(name):
            raise DeclarationError(
                f"bucket {name!r}: allowed are 2 to 26 of a-z, 0-9 and hyphens, beginning with a letter"
            )
        super().__init__("bucket", name, args.stage, opts)
        bucket = aws.s3.Bucket(
            name,
            bucket=composed(args.stage.prefix, "-", args.account, "-", name),
            force_destroy=not args.stage.keeps_data,
            opts=self.kept,
        )
        self._name = name
        self._account = args.account
        self._served = args.served
        self._notified = False
        self.bucket_name = bucket.bucket
        self.arn = bucket.arn
        self.domain_name = bucket.bucket_regional_domain_name
        self._close(args)
        if not args.served:
            self._set_policy(())
        self._set_lifecycle(args)
        self.register_outputs({"name": bucket.bucket, "arn": bucket.arn})

    def grant(self, *actions: ObjectAction, under: pulumi.Input[str]) -> Grant:
        """Allow `actions` on the objects whose keys begin with `under`."""
        return Grant(
            actions=tuple(f"s3:{action}" for action in actions),
            resources=(Joined(self.arn, "/", under, "*"),),
        )

    def grant_list(self, *, under: pulumi.Input[str] | None = None) -> Grant:
        """Allow listing the keys that begin with `under`, or all of them."""
        return Grant(
            actions=("s3:ListBucket",),
            resources=(self.arn,),
            conditions={"StringLike": {"s3:prefix": Joined(under, "*")}} if under else None,
        )

    def serve(self, *, distribution_arn: pulumi.Input[str], under: str) -> None:
        """Let exactly this distribution read the objects whose keys begin with `under` (B6).

        Raises:
            DeclarationError: The bucket was not declared as `served`.
        """
        if not self._served:
            raise DeclarationError(
                f"bucket {self._name!r} has its policy already; declare it with served=True"
            )
        self._set_policy(
            [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudfront.amazonaws.com"},
                    "Action": "s3:GetObject",
                    "Resource": Joined(self.arn, "/", under, "*"),
                    "Condition": {"StringEquals": {"AWS:SourceArn": distribution_arn}},
                }
            ]
        )

    def notify(self, function: Function, *, under: str) -> None:
        """Call a function, asynchronously, with every object that is created under a prefix.

        Raises:
            DeclarationError: The bucket notifies a function already. S3 keeps one configuration, in which a
                second one would replace the first.
        """
        if self._notified:
            raise DeclarationError(f"bucket {self._name!r} notifies a function already; S3 keeps one")
        self._notified = True
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
                    filter_prefix=under,
                )
            ],
            # S3 tries whether it may call the function.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )

    def _close(self, args: RetainedBucketArgs) -> None:
        self._private = aws.s3.BucketPublicAccessBlock(
            self._name,
            bucket=self.bucket_name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.inside,
        )
        aws.s3.BucketOwnershipControls(
            self._name,
            bucket=self.bucket_name,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self.inside,
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
                    # One data key per bucket instead of one per object: KMS is paid by call.
                    bucket_key_enabled=bool(args.key_arn),
                )
            ],
            opts=self.inside,
        )

    def _set_lifecycle(self, args: RetainedBucketArgs) -> None:
        if args.versioned:
            aws.s3.BucketVersioning(
                self._name,
                bucket=self.bucket_name,
                versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
                opts=self.inside,
            )
        if args.lifecycle:
            aws.s3.BucketLifecycleConfiguration(
                self._name,
                bucket=self.bucket_name,
                rules=[rule.args for rule in args.lifecycle],
                opts=self.inside,
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
                opts=self.inside,
            )

    def _set_policy(self, allowed: Sequence[Mapping[str, object]]) -> None:
        without_tls = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [self.arn, Joined(self.arn, "/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        aws.s3.BucketPolicy(
            self._name,
            bucket=self.bucket_name,
            policy=composed_json({"Version": "2012-10-17", "Statement": [without_tls, *allowed]}),
            # S3 refuses the two at the same time ("a conflicting conditional operation is in progress").
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._private]),
        )
