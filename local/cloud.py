"""The embedded cloud: the real program on an emulated AWS, with builds, an edge and a git server.

`Cloud.start` is a context manager. Its exit stops all threads, processes and listeners that it started, also
after an exception or Ctrl-C.
"""

import contextlib
import datetime as dt
import json
import os
import secrets
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, TextIO, cast

from attrs import define, field, frozen

from components.core.errors import ConfigurationError
from components.core.stage import ALLOW_PLACEHOLDERS, StageConfig
from local.builds.aws import create_client_factory
from local.builds.environment import BuildMachine, prepare_node_folder
from local.builds.runner import BuildRunner
from local.edge.exchange import EdgeAccess
from local.edge.listener import EdgePortTakenError
from local.edge.thread import (
    create_local_authority,
    reload_edge,
    run_edge,
    run_event_loop_thread,
    run_node_workers,
)
from local.emulator.emulator import Emulator
from local.emulator.node_function import NodeFunctionVersion
from local.engine.engine import Deployment, Engine, EngineError, ProgramEngine, load_settings
from local.git_server import Author, GitServer
from local.layers import build_layers, find_host_architecture, find_host_runtime
from local.node import find_node
from local.platform_client import PlatformClient
from local.progress import Progress
from local.pulumi_engine.cli import PulumiCommandLine, find_or_build
from local.pulumi_engine.engine import PulumiEngine
from local.stage import DISTRIBUTIONS, FUNCTION_URLS, LOCAL_STAGE, StageAddresses, find_hosted_zones
from local.workers.process import LocalNames

EXAMPLE_NAME = "next-site"
EMULATOR_PORT = 4566
EDGE_PORT = 8080
# The engine that deploys the program: the one in `local/engine`, or that of Pulumi (`local/pulumi_engine`).
EngineName = Literal["embedded", "pulumi"]
# The folder of the certificate authority that signs the edge's certificates, in the checkout.
AUTHORITY = Path(".anchor") / "tls"


@frozen(kw_only=True)
class Ports:
    """The ports on 127.0.0.1 that the embedded cloud listens on."""

    emulator: int = EMULATOR_PORT
    edge: int = EDGE_PORT


@frozen(kw_only=True)
class User:
    """A user of the stage's user pool."""

    name: str
    password: str = field(repr=False)


def check_settings(stage_files: Path, stage: str) -> None:
    """Check the settings of a stage before anything is started. They can contain placeholders.

    Args:
        stage_files: Folder of the stage files.
        stage: Name of the stage.

    Raises:
        EngineError: The file is missing, or a setting is wrong. The message has one line for each mistake.
    """
    config = {**load_settings(stage_files, stage), ALLOW_PLACEHOLDERS: True}
    try:
        StageConfig.parse_configuration(stage, config)
    except ConfigurationError as error:
        raise EngineError(str(error)) from None


def find_free_ports() -> Ports:
    """Return two ports that are free now."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return Ports(emulator=one.getsockname()[1], edge=other.getsockname()[1])


def _record_function_line(emulator: Emulator, file: TextIO, version: NodeFunctionVersion, line: str) -> None:
    print(version.name, line, file=file, flush=True)
    emulator.record_log_line(version, line)


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@define(kw_only=True)
class Cloud:
    """A running embedded cloud.

    Attributes:
        root: The checkout.
        stage: The name of the deployed stage.
        deployed: The deployed resources and stack outputs.
        git: The server that replaces GitHub.
        overrides: Settings that replace settings of the stage's file.
        log_file: The emulator's warnings and errors. They include the output of each function that failed on
            a message of a queue.
        reload_edge: Makes the edge read the distributions' configuration again.
        last_build_line: The latest line in the log of any build.
    """

    root: Path
    stage: str
    ports: Ports
    emulator: Emulator
    engine: ProgramEngine
    deployed: Deployment
    git: GitServer
    overrides: Mapping[str, object] = field(repr=False)
    log_file: Path
    reload_edge: Callable[[], None] = field(default=lambda: None, repr=False)
    last_build_line: str = ""

    @classmethod
    @contextlib.contextmanager
    def start(  # noqa: PLR0913 - the options in which clouds differ
        cls,
        *,
        root: Path,
        ports: Ports,
        progress: Progress,
        stage: str = LOCAL_STAGE,
        schedule_seconds: float | None = None,
        sites: Sequence[str] = (),
        concurrent_builds: int | None = None,
        engine_name: EngineName = "embedded",
        stage_files: Path | None = None,
    ) -> Generator[Self]:
        """Start all parts and deploy the program.

        Args:
            root: The checkout.
            ports: The ports to listen on.
            progress: Shows each step.
            stage: The stage whose settings are used. Each hosted zone in the settings is created
                in Route 53 before the deployment.
            schedule_seconds: Interval in seconds for all scheduled rules. By default each rule has its own
                interval.
            sites: Names of the sites. By default the sites that the stage declares.
            concurrent_builds: Maximum number of builds at the same time. By default the stage's setting.
            engine_name: The engine that deploys the program.
            stage_files: Folder of the stage files. By default `root`.

        Raises:
            PortTakenError: The emulator's port is taken.
            EdgePortTakenError: The edge's port is taken.
            NodeMissingError: No usable Node.js was found.
            GitNotFoundError: No usable git was found.
            LayerError: The functions' packages could not be installed.
            EngineError: The stage's file is missing, or the program could not be deployed.
            PulumiMissingError: Pulumi's engine was requested, but it is not installed and cannot be built.
            PulumiFailedError: Pulumi's engine could not deploy the program.
        """
        _check_port_is_free(ports.edge)
        config = load_settings(stage_files or root, stage)
        settings = cast("Mapping[str, Any]", config["anchor-deploy:stage"])
        cache_folder = root / ".anchor"
        # Several clouds can run in one checkout at the same time (tests and `make up`), so each has a folder.
        state_folder = cache_folder / str(ports.emulator)
        state_folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            with progress.step("Node.js found") as step:
                node = find_node()
                step.detail = node.origin
            with progress.step("functions' dependencies") as step:
                # This is not the folder of `make package`, because wheels for this machine must never be
                # deployed to AWS.
                layers = cache_folder / "layers"
                architecture = find_host_architecture()
                build_layers(
                    str(settings.get("pythonRuntime")), architecture, layers, host=True, report=step.show
                )
                step.detail = f"{find_host_runtime()} on {architecture}"
            pulumi: PulumiCommandLine | None = None
            if engine_name == "pulumi":
                with progress.step("Pulumi found") as step:
                    pulumi = find_or_build(cache_folder, report=step.show)
                    step.detail = pulumi.origin
            with progress.step("embedded AWS started") as step:
                emulator = stack.enter_context(
                    Emulator(
                        region=str(config["aws:region"]),
                        port=ports.emulator,
                        log_file=state_folder / "emulator.log",
                        schedule_seconds=schedule_seconds,
                    )
                )
                step.detail = emulator.endpoint_url
            git = stack.enter_context(
                GitServer(
                    state_folder / "git", author=Author("Ada Lovelace", "ada@example.com"), clock=_utc_now
                )
            )
            engine = (
                stack.enter_context(
                    PulumiEngine.start(
                        emulator,
                        command_line=pulumi,
                        root=root,
                        folder=state_folder / "pulumi",
                        stage_files=stage_files,
                    )
                )
                if pulumi
                else Engine(emulator, root=root, stage_files=stage_files)
            )
            zones = find_hosted_zones(settings)
            for zone_id, name in zones.items():
                emulator.create_hosted_zone(zone_id, name)
            overrides = {
                "anchor-deploy:stage": _create_stage_overrides(
                    is_local=settings.get("kind", stage) == LOCAL_STAGE,
                    ports=ports,
                    sites=sites,
                    concurrent_builds=concurrent_builds,
                ),
                "anchor-deploy:layers": str(layers),
                # Nothing is deployed to AWS, so the settings can contain placeholders such as example.com.
                ALLOW_PLACEHOLDERS: True,
            }
            with progress.step("program deployed") as step:
                deployed = engine.deploy(
                    stack=stage,
                    overrides=overrides,
                    on_resource=lambda urn, _type, _seconds: step.show(urn.rpartition("::")[2]),
                )
                step.detail = f"{len(deployed.resources)} resources"
            cloud = cls(
                root=root,
                stage=stage,
                ports=ports,
                emulator=emulator,
                engine=engine,
                deployed=deployed,
                git=git,
                overrides=overrides,
                log_file=state_folder / "emulator.log",
            )
            machine = BuildMachine(
                node=prepare_node_folder(node, cache_folder / "node"),
                npm_cache=Path(os.environ.get("npm_config_cache", cache_folder / "npm-cache")),  # noqa: SIM112 - npm's own name
                endpoint_url=emulator.endpoint_url,
                host_environment=os.environ,
                git_configuration=git.make_git_configuration,
            )
            emulator.set_build_runner(
                BuildRunner(
                    folder=state_folder / "builds",
                    machine=machine,
                    credentials=lambda role: emulator.create_role_credentials(role).to_environment(),
                    clients=create_client_factory(emulator.endpoint_url),
                    clock=_utc_now,
                    progress=cloud._record_build_line,
                ).run
            )
            with progress.step("edge started") as step:
                authority = create_local_authority(root / AUTHORITY)
                requests = stack.enter_context((state_folder / "edge.log").open("a"))
                loop = stack.enter_context(run_event_loop_thread("edge"))
                workers = stack.enter_context(
                    run_node_workers(
                        loop,
                        node=node.node,
                        authority=authority,
                        log=partial(_record_function_line, emulator, requests),
                        local_names=LocalNames(
                            domains=(*zones.values(), DISTRIBUTIONS, FUNCTION_URLS), port=ports.edge
                        ),
                    )
                )
                emulator.set_node_invoker(workers.invoke_from_thread)
                edge = stack.enter_context(
                    run_edge(
                        loop,
                        emulator=emulator,
                        distribution_ids=_list_distribution_ids(deployed),
                        port=ports.edge,
                        workers=workers,
                        authority=authority,
                        access_log=lambda access: print(_format_request(access), file=requests, flush=True),
                    )
                )
                cloud.reload_edge = partial(reload_edge, loop, edge, emulator)
                step.detail = f"http://127.0.0.1:{ports.edge}"
            yield cloud

    @property
    def api_endpoint(self) -> str:
        """The URL of the platform's HTTP API."""
        return str(self.deployed.outputs["apiEndpoint"])

    @property
    def addresses(self) -> StageAddresses:
        """The addresses of the stage's sites on this machine."""
        return StageAddresses(edge_port=self.ports.edge, authority=self.root / AUTHORITY / "authority.pem")

    def upgrade(self, root: Path) -> Deployment:
        """Deploy the program of another checkout over the current program, as after a `git pull`.

        Raises:
            EngineError: A change failed.
            PulumiFailedError: A change failed, and the engine is Pulumi's.
        """
        self.deployed = self.engine.deploy(root=root, stack=self.stage, overrides=self.overrides)
        self.reload_edge()
        return self.deployed

    def create_user(self, name: str = "ada@example.com", *, groups: Sequence[str] | None = None) -> User:
        """Create a user in the user pool with a permanent password.

        Args:
            name: E-mail address.
            groups: Groups of the user. None for all groups of the pool.
        """
        user = User(name=name, password=f"Aa1-{secrets.token_urlsafe(12)}")
        cognito = self.emulator.client("cognito-idp")
        pool = self.deployed.outputs["userPoolId"]
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=name,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": name},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
        cognito.admin_set_user_password(
            UserPoolId=pool, Username=name, Password=user.password, Permanent=True
        )
        self.add_to_groups(user, groups)
        return user

    def add_to_groups(self, user: User, groups: Sequence[str] | None = None) -> None:
        """Add a user to groups of the user pool, or to all groups of the pool if `groups` is None."""
        cognito = self.emulator.client("cognito-idp")
        pool = self.deployed.outputs["userPoolId"]
        if groups is None:
            groups = [each["GroupName"] for each in cognito.list_groups(UserPoolId=pool)["Groups"]]
        for group in groups:
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=user.name, GroupName=group)

    def sign_in(self, user: User) -> PlatformClient:
        """Sign in with name and password and return a client with the access token."""
        answer = self.emulator.client("cognito-idp").initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self.deployed.outputs["userPoolClientId"],
            AuthParameters={"USERNAME": user.name, "PASSWORD": user.password},
        )
        return PlatformClient(endpoint=self.api_endpoint, token=answer["AuthenticationResult"]["AccessToken"])

    @property
    def example_folder(self) -> Path:
        """The example site's folder."""
        return self.root / "examples" / EXAMPLE_NAME

    def _record_build_line(self, _build_id: str, line: str) -> None:
        self.last_build_line = line


def _create_stage_overrides(
    *, is_local: bool, ports: Ports, sites: Sequence[str], concurrent_builds: int | None
) -> dict[str, Any]:
    """Return the stage's settings that depend on this machine or on the caller's options.

    The functions run with this interpreter, but their runtime stays that of the stage.
    """
    return {
        # Only a stage of the kind `local` has sites with a port in their URLs.
        **({"siteUrl": f"http://{{host}}:{ports.edge}"} if is_local else {}),
        **({"sites": [{"name": site} for site in sites]} if sites else {}),
        **({"concurrentBuilds": concurrent_builds} if concurrent_builds else {}),
        # The layers and the image function contain compiled code for one architecture.
        "architecture": find_host_architecture(),
    }


def _list_distribution_ids(deployed: Deployment) -> tuple[str, ...]:
    """Return the IDs of all distributions. The distribution of the sites is first."""
    sites = deployed.outputs["distributionId"]
    found = [resource.id for resource in deployed.find_by_type("aws:cloudfront/distribution:Distribution")]
    return (sites, *(identity for identity in found if identity != sites))


def _check_port_is_free(port: int) -> None:
    """Raise `EdgePortTakenError` if the edge's port is taken.

    This check is the first step of a start, because the edge itself opens its port only after the deployment.
    """
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise EdgePortTakenError(port) from error


def _format_request(access: EdgeAccess) -> str:
    return json.dumps(
        {
            "method": access.method,
            "host": access.host,
            "target": access.target,
            "status": access.status,
            "result": access.result,
            "seconds": round(access.seconds, 4),
            "problem": access.problem,
        }
    )
