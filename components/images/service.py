"""ImageService: images from an upload form to the pages that show them (I, T7, B5)."""

from typing import Final

import attrs
import pulumi

from components.aws.api import ApiDomain, HttpApi, HttpApiArgs
from components.aws.bucket import RetainedBucket, RetainedBucketArgs
from components.aws.function import Function, PythonFunction, PythonFunctionArgs
from components.aws.keys import EncryptionKey, EncryptionKeyArgs
from components.aws.package import DependencyLayers, FunctionCode
from components.aws.queue import DeadLetterQueue, DeadLetterQueueArgs
from components.aws.table import TenantTable, TenantTableArgs
from components.core.component import Component
from components.core.grants import Grant
from components.core.stage import StageConfig
from components.images import buckets, tables
from components.images.delivery import ImageDelivery, ImageDeliveryArgs
from runtime.images.model import DELIVERED_PREFIX, UPLOAD_PREFIX
from runtime.images.service.routes import ROUTES

_MEMORY: Final = 512
_API_TIMEOUT: Final = 15
_UPLOADED_TIMEOUT: Final = 30


@attrs.frozen(kw_only=True)
class ImageServiceArgs:
    """What the image service is made of.

    Attributes:
        stage: The stage it belongs to.
        account: The AWS account's id.
        code: The code of the functions.
        layers: The layers with their dependencies.
        issuer: Whose tokens its API trusts.
        audience: For whom the tokens must be.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    code: FunctionCode
    layers: DependencyLayers
    issuer: pulumi.Input[str]
    audience: pulumi.Input[str]


class ImageService(Component):
    """A table, a bucket with a distribution in front, an API and the function that is told of uploads.

    A browser uploads to the bucket itself, with a form that the API has signed; S3 tells `images-uploaded`,
    which looks at the file, copies it to where the distribution reads, and makes the image `ready`. An upload
    that never happens disappears by the table's TTL.

    Attributes:
        table: Images and albums.
        bucket: Their files.
        api: The HTTP API.
        delivery: The distribution.
        functions: `images-api` and `images-uploaded`.
        dead_letters: Events of uploads that `images-uploaded` failed to take.
    """

    def __init__(self, name: str, args: ImageServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("images", name, args.stage, opts)
        stage = args.stage
        self._args = args
        self.table = TenantTable("images", TenantTableArgs(stage=stage, design=tables.IMAGES), self.inside)
        self.bucket = RetainedBucket(
            "images",
            RetainedBucketArgs(
                stage=stage,
                account=args.account,
                lifecycle=buckets.LIFECYCLE,
                cors=(buckets.cors(stage.images),),
                served=True,
            ),
            self.inside,
        )
        self.delivery = ImageDelivery(
            "images-delivery",
            ImageDeliveryArgs(stage=stage, bucket=self.bucket, under=DELIVERED_PREFIX),
            self.inside,
        )
        self._cursors = EncryptionKey(
            "image-cursors",
            EncryptionKeyArgs(
                stage=stage,
                account=args.account,
                purpose="Derives the key that the cursors of the image service's lists are signed with",
                use="sign",
            ),
            self.inside,
        )
        self.dead_letters = DeadLetterQueue(
            "images-uploads-dead", DeadLetterQueueArgs(stage=stage), self.inside
        )
        self.functions: dict[str, Function] = {
            "images-api": self._api_function(),
            "images-uploaded": self._uploaded(),
        }
        self.api = HttpApi(
            "images",
            HttpApiArgs(
                stage=stage,
                issuer=args.issuer,
                audience=args.audience,
                cors_origins=stage.images.cors_origins,
                domain=_domain(stage),
            ),
            self.inside,
        )
        self.api.route(ROUTES, self.functions)
        self.register_outputs({"endpoint": self.api.endpoint, "url": self.delivery.url})

    @property
    def exported(self) -> dict[str, pulumi.Input[str]]:
        """What clients and tools need of it."""
        return {
            "apiEndpoint": self.api.endpoint,
            "apiId": self.api.api_id,
            "distributionId": self.delivery.distribution_id,
            "distributionDomain": self.delivery.domain_name,
            "deliveryUrl": self.delivery.url,
        }

    def _api_function(self) -> Function:
        return self._function(
            "api",
            timeout=_API_TIMEOUT,
            environment={
                "CURSOR_KEY_ARN": self._cursors.arn,
                "DELIVERY_URL": self.delivery.url,
                "DISTRIBUTION_ID": self.delivery.distribution_id,
            },
            grants=(
                self.table.grant("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
                self.table.grant_query("UserIndex", "AlbumIndex"),
                # The function signs upload forms: what they may do, it must be allowed to do.
                self.bucket.grant("PutObject", under=UPLOAD_PREFIX),
                self.bucket.grant("DeleteObject", under=DELIVERED_PREFIX),
                self.delivery.grant_invalidate(),
                self._cursors.grant_sign(),
            ),
        )

    def _uploaded(self) -> Function:
        function = self._function(
            "uploaded",
            timeout=_UPLOADED_TIMEOUT,
            environment={},
            grants=(
                self.table.grant("GetItem", "UpdateItem"),
                self.bucket.grant("DeleteObject", "GetObject", under=UPLOAD_PREFIX),
                self.bucket.grant("DeleteObject", "GetObject", "PutObject", under=DELIVERED_PREFIX),
                # To who may not list, S3 does not say that an object is missing, but that it is forbidden.
                self.bucket.grant_list(),
                self.dead_letters.grant_send(),
            ),
        )
        function.keep_failures(self.dead_letters)
        self.bucket.notify(function, under=UPLOAD_PREFIX)
        return function

    def _function(
        self,
        name: str,
        *,
        timeout: int,
        environment: dict[str, pulumi.Input[str]],
        grants: tuple[Grant, ...],
    ) -> Function:
        args = self._args
        return PythonFunction(
            f"images-{name}",
            PythonFunctionArgs(
                stage=args.stage,
                handler=f"runtime.images.handlers.{name}.handle",
                timeout=timeout,
                memory=_MEMORY,
                code=args.code.archive,
                layers=(args.layers.arns["base"],),
                environment={
                    "IMAGES_TABLE": self.table.table_name,
                    "IMAGES_BUCKET": self.bucket.bucket_name,
                    "MAXIMUM_BYTES": str(args.stage.images.maximum_bytes),
                    **environment,
                },
                grants=grants,
            ),
            self.inside,
        )


def _domain(stage: StageConfig) -> ApiDomain | None:
    hosts, zone = stage.image_hosts, stage.images.hosted_zone_id
    return ApiDomain(host=hosts[0], zone=zone) if hosts and zone else None
