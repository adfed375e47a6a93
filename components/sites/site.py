"""ZeroDowntimeSite: the resources of a Next.js site that exist before its first release."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.function import FunctionArgs, NodeFunction
from components.aws.queue import VISIBILITY_TIMEOUT_FACTOR, Queue, QueueArgs
from components.core.component import Component
from components.core.grants import Grant
from components.core.hosts import build_url
from components.core.outputs import interpolate_json
from components.core.scope import ResourceScope
from components.deploy.site_names import SiteNames
from components.deploy.store import DeployStore
from components.sites.build import SiteBuild, SiteBuildArgs
from components.sites.tag_table import TagTable
from runtime.deploy.model import RELEASE_SECRETS_FOLDER

# Handler of the wrapper that refuses requests that did not pass through the edge
# (runtime/deploy/releases/origin).
_ORIGIN_HANDLER: Final = "anchor-origin.handler"
_TIMEOUT: Final = 30
# MB. The image function needs more memory than the revalidation function, because it decodes images.
_IMAGE_MEMORY: Final = 1536
_REVALIDATE_MEMORY: Final = 256
# OpenNext distributes the pages of a site over ten message groups. Each group is processed in order.
_MESSAGE_GROUPS: Final = 10


@attrs.frozen(kw_only=True)
class ZeroDowntimeSiteArgs:
    """Arguments of `ZeroDowntimeSite`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        host: Host of the site.
        store: Platform storage. It contains the build logs, artifacts, files and cache of the site. The
            component declares the site in the projects table.
        memory: Memory of the function that renders pages, in MB. CPU power grows with it.
        timeout: Timeout of the function that renders pages, in seconds.
        url_pattern: URL of the site. `{host}` is replaced by the site's host.
        build_compute_type: Compute type of the builds in CodeBuild.
        allow_vulnerable_next: Whether releases with a Next.js version with known security holes are allowed.
        max_concurrency: Requests that the function that renders pages answers at the same time, if the scope
            reserves concurrency.
        max_image_concurrency: The same for the function that optimizes images.
    """

    scope: ResourceScope
    host: pulumi.Input[str]
    store: DeployStore
    memory: int = 1024
    timeout: int = _TIMEOUT
    url_pattern: str = "https://{host}"
    build_compute_type: str = "BUILD_GENERAL1_SMALL"
    allow_vulnerable_next: bool = False
    max_concurrency: int = 50
    max_image_concurrency: int = 10


class ZeroDowntimeSite(Component):
    """The functions, build project, tag table and revalidation queue of one site.

    Every release has its own versions of these functions, each with an alias. The aliases also have URLs,
    except those of the revalidation function. Each function also has an alias `live`, which names the version
    of the live release. The function `release` of the platform creates versions and aliases. Only the alias
    `live` of the revalidation function is created by Pulumi.

    Attributes:
        url: URL of the site.
        tags: Tag table.
    """

    def __init__(
        self, name: str, args: ZeroDowntimeSiteArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("site", name, args.scope, opts, tags={"Site": name})
        self._name = name
        self._args = args
        names = SiteNames(name)
        self.tags = TagTable(names.tags, scope=args.scope, opts=self.child_opts)
        queue = Queue(
            names.revalidate,
            QueueArgs(
                scope=args.scope,
                visibility_timeout=VISIBILITY_TIMEOUT_FACTOR * _TIMEOUT,
                fifo=True,
            ),
            self.child_opts,
        )
        server = self._create_function(
            names.server,
            _ORIGIN_HANDLER,
            args.memory,
            self._build_server_grants(queue),
            timeout=args.timeout,
            concurrency=args.max_concurrency,
        )
        image = self._create_function(
            names.image,
            _ORIGIN_HANDLER,
            _IMAGE_MEMORY,
            (args.store.assets.grant("GetObject", prefix=f"assets/{name}/"),),
            concurrency=args.max_image_concurrency,
        )
        # The maximum concurrency of its queue limits this function, so it needs no reservation.
        revalidate = self._create_function(
            names.revalidate, "index.handler", _REVALIDATE_MEMORY, (queue.grant_consume(),)
        )
        revalidate.consume(queue, max_concurrency=_MESSAGE_GROUPS, batch_size=5)
        secrets_path = f"{args.store.secrets_path}/{name}"
        build = SiteBuild(
            name,
            SiteBuildArgs(
                scope=args.scope,
                artifacts=args.store.artifacts,
                build_tools=args.store.build_tools,
                logs=args.store.logs,
                keys=args.store.keys,
                secrets_path=secrets_path,
                compute_type=args.build_compute_type,
            ),
            self.child_opts,
        )
        self._declare_site(
            {
                "site": name,
                "host": args.host,
                "urlPattern": args.url_pattern,
                "serverFunction": server.function_name,
                "imageFunction": image.function_name,
                "revalidationFunction": revalidate.function_name,
                "tagTable": self.tags.table_name,
                "revalidationQueueUrl": queue.url,
                "revalidationDeadLetterQueueUrl": queue.dead_letter_queue.url,
                "buildProject": build.project_name,
                "secretsPath": secrets_path,
            }
        )
        self.url = build_url(args.url_pattern, args.host)
        self.register_outputs({"url": self.url})

    def _build_server_grants(self, queue: Queue) -> tuple[Grant, ...]:
        cache = f"cache/{self._name}/"
        return (
            self._args.store.assets.grant("DeleteObject", "GetObject", "PutObject", prefix=cache),
            self._args.store.assets.grant("GetObject", prefix=f"assets/{self._name}/"),
            self._args.store.assets.grant_list(prefix=cache),
            # The function loads the secrets of its release when it starts.
            self._args.store.assets.grant("GetObject", prefix=f"{RELEASE_SECRETS_FOLDER}{self._name}/"),
            self._args.store.keys.grant_decrypt_for_releases(self._name),
            *self.tags.grant_read_and_write(),
            queue.grant_send(),
        )

    def _create_function(  # noqa: PLR0913 - the arguments in which the functions differ
        self,
        name: str,
        handler: str,
        memory: int,
        grants: tuple[Grant, ...],
        *,
        timeout: int = _TIMEOUT,
        concurrency: int | None = None,
    ) -> NodeFunction:
        args = FunctionArgs(
            scope=self.scope,
            handler=handler,
            timeout=timeout,
            memory=memory,
            grants=grants,
            concurrency=concurrency,
        )
        return NodeFunction(name, args, self.child_opts)

    def _declare_site(self, row: dict[str, pulumi.Input[str]]) -> None:
        """Write the names of the site's resources to the projects table, for the platform's functions."""
        keys = {"projectId": f"SITE#{self._name}", "sk": "SITE"}
        item: dict[str, object] = {attribute: {"S": value} for attribute, value in {**keys, **row}.items()}
        if self._args.allow_vulnerable_next:
            item["allowsVulnerableNext"] = {"BOOL": True}
        aws.dynamodb.TableItem(
            f"site-{self._name}",
            table_name=self._args.store.projects.table_name,
            hash_key="projectId",
            range_key="sk",
            item=interpolate_json(item),
            opts=self.child_opts,
        )
