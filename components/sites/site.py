"""ZeroDowntimeSite: what a Next.js site needs before its first release (D)."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.function import FunctionArgs, NodeFunction
from components.aws.queue import VISIBILITY_PER_TIMEOUT, Queue, QueueArgs
from components.core.component import Component
from components.core.grants import Grant
from components.core.outputs import composed_json
from components.core.stage import StageConfig
from components.deploy.site_names import SiteNames, secrets_path
from components.deploy.store import DeployStore
from components.sites.build import SiteBuild, SiteBuildArgs
from components.sites.tag_table import TagTable, TagTableArgs

# Both functions run behind the wrapper that refuses whoever is not the edge (runtime/deploy/releases/origin).
_ORIGIN_HANDLER: Final = "anchor-origin.handler"
_TIMEOUT: Final = 30
# Pictures are decoded in memory.
_IMAGE_MEMORY: Final = 1536
_REVALIDATE_MEMORY: Final = 256


@attrs.frozen(kw_only=True)
class ZeroDowntimeSiteArgs:
    """What a site is made of.

    Attributes:
        stage: The stage it belongs to.
        account: The AWS account's id.
        memory: MB of the function that renders pages.
        host: The host under which it is served.
        store: What the platform keeps, and among it what is the site's: its builds, their logs, its files and
            its cache, and the row in which the platform finds what was made for it.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    memory: int
    host: pulumi.Input[str]
    store: DeployStore


class ZeroDowntimeSite(Component):
    """The functions, the build project, the tag table and the revalidation queue of one site.

    Every release is a version of these functions, with an alias and a URL; `live` names the version in
    production. The platform's release function makes them, and none of them is known to Pulumi (G8).

    Attributes:
        url: Where the site is.
        tags: Its tag table.
    """

    def __init__(
        self, name: str, args: ZeroDowntimeSiteArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("site", name, args.stage, opts, tags={"Site": name})
        self._name = name
        self._args = args
        names = SiteNames(name)
        self.tags = TagTable(names.tags, TagTableArgs(stage=args.stage), self.inside)
        queue = Queue(
            names.revalidate,
            QueueArgs(
                stage=args.stage,
                visibility=VISIBILITY_PER_TIMEOUT * _TIMEOUT,
                fifo=True,
            ),
            self.inside,
        )
        server = self._function(names.server, _ORIGIN_HANDLER, args.memory, self._server_grants(queue))
        image = self._function(
            names.image,
            _ORIGIN_HANDLER,
            _IMAGE_MEMORY,
            (args.store.assets.grant("GetObject", under=f"assets/{name}/"),),
        )
        revalidate = self._function(
            names.revalidate, "index.handler", _REVALIDATE_MEMORY, (queue.grant_consume(),)
        )
        revalidate.consume(queue, batch=5)
        build = SiteBuild(
            name,
            SiteBuildArgs(
                stage=args.stage,
                account=args.account,
                artifacts=args.store.artifacts,
                logs=args.store.logs,
                keys=args.store.keys,
            ),
            self.inside,
        )
        self._declare(
            {
                "site": name,
                "host": args.host,
                "urlPattern": args.stage.site_url,
                "serverFunction": server.function_name,
                "imageFunction": image.function_name,
                "revalidationFunction": revalidate.function_name,
                "tagTable": self.tags.table_name,
                "revalidationQueueUrl": queue.url,
                "buildProject": build.project_name,
                "secretsPath": secrets_path(args.stage, name),
            }
        )
        self.url = args.stage.url_of(args.host)
        self.register_outputs({"url": self.url})

    def _server_grants(self, queue: Queue) -> tuple[Grant, ...]:
        cache = f"cache/{self._name}/"
        return (
            self._args.store.assets.grant("DeleteObject", "GetObject", "PutObject", under=cache),
            self._args.store.assets.grant_list(under=cache),
            *self.tags.grants(),
            queue.grant_send(),
        )

    def _function(self, name: str, handler: str, memory: int, grants: tuple[Grant, ...]) -> NodeFunction:
        return NodeFunction(
            name,
            FunctionArgs(stage=self.stage, handler=handler, timeout=_TIMEOUT, memory=memory, grants=grants),
            self.inside,
        )

    def _declare(self, row: dict[str, pulumi.Input[str]]) -> None:
        """Tell the platform's functions, in the projects table, what there is for the site."""
        keys = {"projectId": f"SITE#{self._name}", "sk": "SITE"}
        item = {attribute: {"S": value} for attribute, value in {**keys, **row}.items()}
        aws.dynamodb.TableItem(
            f"site-{self._name}",
            table_name=self._args.store.projects.table_name,
            hash_key="projectId",
            range_key="sk",
            item=composed_json(item),
            opts=self.inside,
        )
