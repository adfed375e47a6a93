"""The embedded cloud with one project for each site, and the push that makes a site live."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from local.builds.aws import create_client_factory
from local.builds.environment import BuildMachine, prepare_node_folder
from local.builds.runner import BuildRunner
from local.cloud import Cloud, Ports
from local.git_server import BRANCH
from local.node import find_node
from local.platform_client import Json, PlatformClient
from local.progress import Progress
from runtime.shared.clock import Clock
from tests.components.stages import STAGE_FILES
from tests.conformance.harness.builds import BUILD_TOOLS, ROOT, KeepingBuildRunner, KeptBuild, compute_hash
from tests.conformance.harness.exchange import Server
from tests.conformance.harness.sites import Site

SECRET_VARIABLES = ("DEMO_SECRET",)


class ReleaseError(Exception):
    """The platform did not make the site live. The message has the step, the reason and the log."""

    def __init__(self, deployment: Json) -> None:
        failure = deployment.get("failure") or {}
        lines = [f"{deployment['status']} at step {failure.get('step')!r}: {failure.get('reason')}"]
        if failure.get("advice"):
            lines.append(f"what to do: {failure['advice']}")
        super().__init__("\n".join([*lines, *failure.get("logTail", [])]))
        self.step = str(failure.get("step"))
        self.reason = str(failure.get("reason"))


@frozen(kw_only=True)
class LiveSite:
    """A site whose release is live.

    Attributes:
        server: The edge, with the host of the site.
        name: The host name.
        variables: The variables of the site's functions that the site can read, for `next start`.
        build: The build of the release.
    """

    server: Server
    name: str
    variables: Mapping[str, str]
    build: KeptBuild


@frozen(kw_only=True)
class Platform:
    """A running embedded cloud whose builds are kept.

    Attributes:
        client: A client of the API.
        cache: The folder of the kept builds.
        tools: The hash of the build tools that are deployed.
        builds: The place of the build of each repository.
    """

    cloud: Cloud
    client: PlatformClient
    cache: Path
    tools: str
    builds: dict[str, KeptBuild]

    @classmethod
    @contextlib.contextmanager
    def start(
        cls, names: Sequence[str], *, ports: Ports, cache: Path, clock: Clock, progress: Progress
    ) -> Generator["Platform"]:
        """Start an embedded cloud with these sites."""
        tools = compute_hash(BUILD_TOOLS)
        with Cloud.start(
            root=ROOT, stage_files=STAGE_FILES, ports=ports, progress=progress, sites=names
        ) as cloud:
            builds: dict[str, KeptBuild] = {}
            _set_build_runner(cloud, builds, clock)
            client = cloud.sign_in(cloud.create_user())
            yield cls(cloud=cloud, client=client, cache=cache, tools=tools, builds=builds)

    def release(self, site: Site, show: Callable[[str], None]) -> LiveSite:
        """Push a site and wait until it is live. `show` is called with the progress.

        Raises:
            ReleaseError: The deployment ended in another way.
        """
        with tempfile.TemporaryDirectory() as temporary:
            folder = site.copy_sources(Path(temporary) / "site")
            key = compute_hash([folder], self.tools, *map(str, sorted(site.variables.items())))
            repository = self.cloud.git.create(site.name, folder)
        kept = KeptBuild(folder=self.cache / f"{site.name}-{key}")
        self.builds[repository.url] = kept
        project = self.client.create_project(name=site.name, site=site.name, repository_url=repository.url)
        identity = project["projectId"]
        if site.settings:
            self.client.update_project(identity, **site.settings)
        self.client.set_variables(
            identity,
            [
                {"name": name, "value": value, "isSecret": name in SECRET_VARIABLES}
                for name, value in site.variables.items()
            ],
        )
        deployment = self.client.deploy(identity, branch=BRANCH, commitSha=repository.head)
        deployment = self.client.wait_until(
            deployment["deploymentId"],
            (),
            poll=0.2,
            on_poll=lambda shown: show(f"{shown['status']}  {self.cloud.last_build_line}"),
        )
        if deployment["status"] != "live":
            raise ReleaseError(deployment)
        host = project["url"].removeprefix("http://")
        return LiveSite(
            server=Server(address=("127.0.0.1", self.cloud.ports.edge), host=host),
            name=host.partition(":")[0],
            variables={
                **site.variables,
                "ANCHOR_COMMIT_SHA": repository.head,
                "ANCHOR_DEPLOYMENT_ID": deployment["deploymentId"],
            },
            build=kept,
        )


def _set_build_runner(cloud: Cloud, builds: dict[str, KeptBuild], clock: Clock) -> None:
    node = find_node()
    machine = BuildMachine(
        node=prepare_node_folder(node, ROOT / ".anchor" / "node"),
        npm_cache=Path(os.environ.get("npm_config_cache", ROOT / ".anchor" / "npm-cache")),  # noqa: SIM112 - npm's own name
        endpoint_url=cloud.emulator.endpoint_url,
        host_environment=os.environ,
        git_configuration=cloud.git.make_git_configuration,
    )
    runner = BuildRunner(
        folder=ROOT / ".anchor" / str(cloud.ports.emulator) / "builds",
        machine=machine,
        credentials=lambda role: cloud.emulator.create_role_credentials(role).to_environment(),
        clients=create_client_factory(cloud.emulator.endpoint_url),
        clock=clock,
        progress=lambda _build, line: setattr(cloud, "last_build_line", line),
        keep_folders=True,
    )
    cloud.emulator.set_build_runner(KeepingBuildRunner(runner=runner, builds=builds).run)
