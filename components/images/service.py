"""ImageService: stores and delivers images that users upload."""

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
from components.core.limits.concurrency import PLATFORM
from components.core.limits.quotas import Quotas
from components.core.scope import ResourceScope
from components.images import buckets, tables
from components.images.delivery import ImageDelivery, ImageDeliveryArgs
from runtime.images.model import DELIVERED_PREFIX, UPLOAD_PREFIX
from runtime.images.service.routes import ROUTES

_MEMORY: Final = 512
_API_TIMEOUT: Final = 15
_UPLOADED_TIMEOUT: Final = 30


@attrs.frozen(kw_only=True)
class ImageServiceArgs:
    """Arguments of `ImageService`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        code: Code of the functions.
        layers: Layers with the functions' dependencies.
        issuer: Issuer of the API's tokens.
        audience: Audience of the API's tokens.
        cors_origins: Origins of the web pages that may call the API and show images.
        maximum_bytes: Largest image that can be uploaded, in bytes.
        quotas: Quotas of each user.
        hosts: Custom hosts of the API and of the distribution. By default, AWS assigns the hosts.
        hosted_zone_id: Id of the Route 53 zone of `hosts`.
        url_pattern: URL of an image's host. `{host}` is replaced by the host.
    """

    scope: ResourceScope
    code: FunctionCode
    layers: DependencyLayers
    issuer: pulumi.Input[str]
    audience: pulumi.Input[str]
    cors_origins: tuple[str, ...]
    maximum_bytes: int = 25 * 1024 * 1024
    quotas: Quotas = attrs.field(factory=Quotas)
    hosts: tuple[str, str] | None = None
    hosted_zone_id: str | None = None
    url_pattern: str = "https://{host}"


class ImageService(Component):
    """A table, a bucket with a distribution, an API and a function that processes uploads.

    A browser uploads a file directly to the bucket, with a form that the API signed. S3 then calls the
    function `images-uploaded`. The function checks the file, copies it to the prefix that the distribution
    reads, and sets the image's status to `ready`. If the upload never happens, the image's row expires by
    TTL.

    Attributes:
        table: Images and albums.
        bucket: Image files.
        api: HTTP API.
        delivery: Distribution.
        functions: `images-api` and `images-uploaded`.
        dead_letter_queue: Upload events that `images-uploaded` failed to process.
    """

    def __init__(self, name: str, args: ImageServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("images", name, args.scope, opts)
        scope = args.scope
        self._args = args
        self.table = TenantTable(
            "images", TenantTableArgs(scope=scope, design=tables.IMAGES), self.child_opts
        )
        self.bucket = RetainedBucket(
            "images",
            RetainedBucketArgs(
                scope=scope,
                lifecycle=buckets.LIFECYCLE,
                cors=(buckets.build_cors_rule(args.cors_origins),),
                read_by_distribution=True,
            ),
            self.child_opts,
        )
        self.delivery = ImageDelivery(
            "images-delivery",
            ImageDeliveryArgs(
                scope=scope,
                bucket=self.bucket,
                prefix=DELIVERED_PREFIX,
                cors_origins=args.cors_origins,
                host=args.hosts[1] if args.hosts else None,
                hosted_zone_id=args.hosted_zone_id,
                url_pattern=args.url_pattern,
            ),
            self.child_opts,
        )
        self._cursor_key = EncryptionKey(
            "image-cursors",
            EncryptionKeyArgs(
                scope=scope,
                purpose="Derives the signing key for the list cursors of the image service",
                use="sign",
            ),
            self.child_opts,
        )
        self.dead_letter_queue = DeadLetterQueue(
            "images-uploads-dead", DeadLetterQueueArgs(scope=scope), self.child_opts
        )
        self.functions: dict[str, Function] = {
            "images-api": self._create_api_function(),
            "images-uploaded": self._create_upload_function(),
        }
        self.api = HttpApi(
            "images",
            HttpApiArgs(
                scope=scope,
                issuer=args.issuer,
                audience=args.audience,
                cors_origins=args.cors_origins,
                domain=_build_api_domain(args),
            ),
            self.child_opts,
        )
        self.api.add_routes(ROUTES, self.functions, not_found="images-api")
        self.register_outputs({"endpoint": self.api.endpoint, "url": self.delivery.url})

    @property
    def stack_outputs(self) -> dict[str, pulumi.Input[str]]:
        """Values for the stack output `images`."""
        return {
            "apiEndpoint": self.api.endpoint,
            "apiId": self.api.api_id,
            "distributionId": self.delivery.distribution_id,
            "distributionDomain": self.delivery.domain_name,
            "deliveryUrl": self.delivery.url,
        }

    def _create_api_function(self) -> Function:
        return self._create_function(
            "api",
            timeout=_API_TIMEOUT,
            environment={
                "CURSOR_KEY_ARN": self._cursor_key.arn,
                "DELIVERY_URL": self.delivery.url,
                "DISTRIBUTION_ID": self.delivery.distribution_id,
            },
            grants=(
                self.table.grant("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
                self.table.grant_query("UserIndex", "AlbumIndex"),
                # This function signs the upload forms, so S3 checks its permission at each upload.
                self.bucket.grant("PutObject", prefix=UPLOAD_PREFIX),
                self.bucket.grant("DeleteObject", prefix=DELIVERED_PREFIX),
                self.delivery.grant_invalidate(),
                self._cursor_key.grant_sign(),
            ),
        )

    def _create_upload_function(self) -> Function:
        function = self._create_function(
            "uploaded",
            timeout=_UPLOADED_TIMEOUT,
            environment={},
            grants=(
                self.table.grant("GetItem", "UpdateItem"),
                self.bucket.grant("DeleteObject", "GetObject", prefix=UPLOAD_PREFIX),
                self.bucket.grant("DeleteObject", "GetObject", "PutObject", prefix=DELIVERED_PREFIX),
                # Without this permission, S3 answers 403 instead of 404 for a missing object.
                self.bucket.grant_list(),
                self.dead_letter_queue.grant_send(),
            ),
        )
        function.send_failures_to(self.dead_letter_queue)
        self.bucket.notify(function, prefix=UPLOAD_PREFIX)
        return function

    def _create_function(
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
                scope=args.scope,
                handler=f"runtime.images.handlers.{name}.handle",
                timeout=timeout,
                memory=_MEMORY,
                code=args.code.archive,
                layers=(args.layers.arns["base"],),
                environment={
                    "IMAGES_TABLE": self.table.table_name,
                    "IMAGES_BUCKET": self.bucket.bucket_name,
                    "MAXIMUM_BYTES": str(args.maximum_bytes),
                    "MAX_PENDING_IMAGES": str(args.quotas.pending_images),
                    "MAX_STORED_IMAGES": str(args.quotas.stored_images),
                    "MAX_STORED_BYTES": str(args.quotas.stored_bytes),
                    "MAX_IMAGE_DELETIONS_PER_DAY": str(args.quotas.image_deletions_per_day),
                    **environment,
                },
                grants=grants,
                concurrency=PLATFORM[f"images-{name}"],
            ),
            self.child_opts,
        )


def _build_api_domain(args: ImageServiceArgs) -> ApiDomain | None:
    hosts, zone_id = args.hosts, args.hosted_zone_id
    return ApiDomain(host=hosts[0], zone_id=zone_id) if hosts and zone_id else None
