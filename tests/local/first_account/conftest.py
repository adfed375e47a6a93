"""The stage `staging` on the embedded AWS. On this stage, every check of `make first-account` passes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
import requests
from attrs import evolve

from first_account.model import Stage
from local.emulator.emulator import Emulator
from local.engine.engine import Engine
from local.stage import find_hosted_zones
from tests.components.stages import STAGE_FILES
from tests.engine.stacks import make_layers
from tests.local.deployed_program import ROOT, DeployedProgram
from tests.local.first_account.answers import replace_answers

NAME = "staging"
REGION = "ap-southeast-1"


def answer_plan(*_command: str) -> subprocess.CompletedProcess[str]:
    """Answer as `pulumi preview` does if it plans no change. tests/engine runs the real command."""
    return subprocess.CompletedProcess([], 0, stdout="no changes", stderr="")


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layers in which boto3 and botocore contain only their installed version."""
    folder = make_layers(tmp_path_factory.mktemp("layers"))
    for package in (boto3, botocore):
        for base in folder.glob("*/base/python"):
            (base / package.__name__).mkdir()
            (base / package.__name__ / "__init__.py").write_text(f'__version__ = "{package.__version__}"\n')
    return folder


@pytest.fixture(scope="module")
def deployed_stage(running_emulator: Emulator, program: DeployedProgram, layers: Path) -> Iterator[Stage]:
    program.forget()
    running_emulator.reset()
    engine = Engine(running_emulator, root=ROOT, stage_files=STAGE_FILES)
    settings = engine.load_settings(NAME)["anchor-deploy:stage"]
    assert isinstance(settings, dict)
    for zone_id, zone in find_hosted_zones(settings).items():
        running_emulator.create_hosted_zone(zone_id, zone)
    deployment = engine.deploy(stack=NAME, overrides={"anchor-deploy:layers": str(layers)})
    outputs = deployment.outputs
    # The emulator does not answer at the domain of the image API, so the check uses the API's own address.
    images = {
        **outputs["images"],
        "apiEndpoint": outputs["apiEndpoint"].replace(outputs["apiId"], outputs["images"]["apiId"]),
    }

    def resolve_host(host: str) -> str:
        found = "127.0.0.1" if host == "127.0.0.1" else running_emulator.resolve_host(host)
        if found is None:
            raise OSError(f"{host} is unknown")
        return found

    stage = Stage(
        name=NAME,
        region=REGION,
        outputs={**outputs, "images": images},
        get_client=running_emulator.client,
        resolve=resolve_host,
        http=requests.Session(),
        run_pulumi=answer_plan,
    )
    simulate_push(stage)
    # Replace the answers about subscriptions, because no test can open the confirmation link in a mail.
    yield replace_answers(stage, "sns", "list_subscriptions_by_topic", confirm_subscriptions)
    running_emulator.reset()


def confirm_subscriptions(page: dict[str, Any]) -> dict[str, Any]:
    confirmed = f"arn:aws:sns:{REGION}:000000000000:anchor-{NAME}-alarms:d8a7c6"
    return {"Subscriptions": [{**each, "SubscriptionArn": confirmed} for each in page["Subscriptions"]]}


def simulate_push(stage: Stage) -> None:
    """Create what a push to a site creates: the row of running builds, and a URL of the released server."""
    stage.client("dynamodb").put_item(
        TableName=stage.outputs["tables"]["projects"]["name"],
        Item={"projectId": {"S": "BUILDS"}, "sk": {"S": "RUNNING"}},
    )
    stage.client("lambda").create_function_url_config(
        FunctionName=f"{stage.prefix}-site-next-site-server",
        AuthType="NONE",
        InvokeMode="RESPONSE_STREAM",
    )


@pytest.fixture
def stage(deployed_stage: Stage) -> Stage:
    """The stage. A test that changes the stage must undo its changes."""
    return evolve(deployed_stage)
