"""The example program `one-site`: a push to a repository goes live, with the code in the wheel (W1)."""

import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import pytest
import yaml
from attrs import frozen

from local.cloud import Cloud, Ports
from local.layers import find_host_architecture
from local.platform_client import Json
from local.progress import Progress
from tests.e2e.tiny_platform import TinyPlatform, TinyProject
from tests.packages.example_programs import EXAMPLES, import_package
from tests.packages.wheels import make_wheel, unpack_wheel

REGION: Final = "eu-central-1"
RUNTIME, ARCHITECTURE = "python3.13", "arm64"  # the defaults of `ResourceScope`


@frozen(kw_only=True)
class ExampleSite:
    """The deployed example, after two pushes to its site."""

    cloud: Cloud
    project: TinyProject
    releases: tuple[Json, Json]

    def get_page(self, url: str) -> tuple[int, str]:
        with self.cloud.addresses.create_session() as session:
            answer = session.get(url, timeout=30)
        return answer.status_code, answer.text


def write_program(folder: Path) -> Path:
    """Copy the example program into a folder, with the settings that the embedded cloud expects."""
    shutil.copy2(EXAMPLES / "one-site" / "__main__.py", folder)
    settings = {"aws:region": REGION, "anchor-deploy:stage": {"pythonRuntime": RUNTIME}}
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": settings}))
    # The embedded cloud builds the layers for this machine, but the program looks for its own architecture.
    layers = folder / ".anchor" / "layers"
    layers.mkdir(parents=True)
    if find_host_architecture() != ARCHITECTURE:
        (layers / f"{RUNTIME}-{ARCHITECTURE}").symlink_to(f"{RUNTIME}-{find_host_architecture()}")
    return folder


@pytest.fixture(scope="module")
def example(
    find_ports: Callable[[], Ports], tmp_path_factory: pytest.TempPathFactory
) -> Generator[ExampleSite]:
    installed = tmp_path_factory.mktemp("components")
    unpack_wheel(make_wheel("components", tmp_path_factory.mktemp("dist")), installed)
    root = write_program(tmp_path_factory.mktemp("program"))
    with (
        import_package(installed),
        Cloud.start(root=root, ports=find_ports(), progress=Progress(), stage="dev") as cloud,
    ):
        project = TinyPlatform(cloud, tmp_path_factory.mktemp("tiny")).create_project("shop")
        yield ExampleSite(cloud=cloud, project=project, releases=(project.release(), project.release()))


def test_each_push_goes_live(example: ExampleSite) -> None:
    first, second = example.releases
    assert (first["status"], second["status"]) == ("live", "live")
    assert example.project.client.get_deployment(first["deploymentId"])["status"] == "retired"


def test_the_site_answers_at_the_url_that_the_program_exports(example: ExampleSite) -> None:
    url = example.cloud.deployed.outputs["url"]
    assert url == example.project.project["url"]
    status, page = example.get_page(url)
    assert status == 200
    assert example.releases[1]["commitSha"] in page


def test_every_function_has_the_prefix_of_the_scope_and_the_code_of_the_wheel(example: ExampleSite) -> None:
    client = example.cloud.emulator.client("lambda")
    functions = client.list_functions()["Functions"]
    assert {each["FunctionName"].partition("-")[0] for each in functions} == {"shop"}
    handlers = {each["Handler"] for each in functions if each["Runtime"].startswith("python")}
    assert len(handlers) == 8
    assert all(handler.startswith("anchor_deploy.runtime.deploy.handlers.") for handler in handlers)
