"""The real `__main__.py`, unchanged, on the embedded AWS (L1): what AWS says of it is what the spec says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.emulator import Emulator
from local.engine import Deployment, Engine

ROOT = Path(__file__).parents[3]
LAYERS = ("base", "edge")


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `make package` leaves it, with something small in each layer."""
    stage = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())["config"]["anchor-deploy:stage"]
    folder = tmp_path_factory.mktemp("layers")
    for layer in LAYERS:
        python = folder / f"{stage['pythonRuntime']}-{stage['architecture']}" / layer / "python"
        python.mkdir(parents=True)
        (python / "placeholder.py").write_text(f"LAYER = {layer!r}\n")
    return folder


@pytest.fixture(scope="module")
def engine(running_emulator: Emulator) -> Engine:
    running_emulator.reset()
    return Engine(running_emulator, root=ROOT)


@pytest.fixture(scope="module")
def deployed(engine: Engine, layers: Path) -> Iterator[Deployment]:
    yield engine.deploy(overrides={"anchor-deploy:layers": str(layers)})
    engine.destroy()


def texts_of(value: Any) -> Iterator[str]:  # noqa: ANN401 - any property
    if isinstance(value, dict):
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    elif isinstance(value, str):
        yield value


def test_it_is_deployed_whole(deployed: Deployment) -> None:
    assert len(deployed.resources) > 100
    assert deployed.warnings == ()


def test_a_second_run_plans_no_change(engine: Engine, deployed: Deployment, layers: Path) -> None:
    """G7."""
    again = engine.deploy(overrides={"anchor-deploy:layers": str(layers)})
    assert (again.created, again.updated, again.deleted) == ((), (), ())
    assert again.outputs == deployed.outputs


def test_every_output_that_the_program_read_was_there(deployed: Deployment) -> None:
    """An output that a creator forgets is None in the program, and "None" in the texts made with it."""
    lost = [
        (resource.urn, text)
        for resource in deployed.resources
        for text in texts_of(resource.inputs)
        if re.search(r"(^|[:/ \"])None($|[:/ \"])", text)
    ]
    assert lost == []


def test_the_outputs_are_all_there(deployed: Deployment) -> None:
    """G5."""
    assert set(deployed.outputs) >= {
        "apiEndpoint",
        "apiId",
        "userPoolId",
        "userPoolClientId",
        "distributionId",
        "distributionDomain",
        "keyValueStoreArn",
        "tables",
        "buckets",
        "sites",
        "queues",
    }
    assert deployed.outputs["apiEndpoint"].startswith("http://127.0.0.1:")
    assert deployed.outputs["sites"] == {"next-site": "http://next-site.localhost:8080"}


def test_the_tables_are_as_declared(running_emulator: Emulator, deployed: Deployment) -> None:
    """T5, T6."""
    client = running_emulator.client("dynamodb")
    described = {
        logical: client.describe_table(TableName=table["name"])["Table"]
        for logical, table in deployed.outputs["tables"].items()
        if logical in {"projects", "deployments"}
    }
    keys = {
        logical: [key["AttributeName"] for key in table["KeySchema"]] for logical, table in described.items()
    }
    assert keys == {"projects": ["projectId", "sk"], "deployments": ["projectId", "deploymentId"]}
    indexes = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in described["deployments"]["GlobalSecondaryIndexes"]
    }
    assert indexes == {"DeploymentIdIndex": ["deploymentId"], "UserIdIndex": ["userId", "deploymentId"]}
    expiry = client.describe_time_to_live(TableName=described["projects"]["TableName"])
    assert expiry["TimeToLiveDescription"]["AttributeName"] == "expiresAt"
    assert {table["BillingModeSummary"]["BillingMode"] for table in described.values()} == {"PAY_PER_REQUEST"}


def test_every_site_has_its_row(running_emulator: Emulator, deployed: Deployment) -> None:
    row = running_emulator.client("dynamodb").get_item(
        TableName=deployed.outputs["tables"]["projects"]["name"],
        Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}},
    )["Item"]
    assert row["serverFunction"] == {"S": "anchor-local-site-next-site-server"}
    assert row["revalidationQueueUrl"]["S"].startswith("http://127.0.0.1:")
    assert row["urlPattern"] == {"S": "http://{host}:8080"}


def test_the_buckets_are_closed_and_age_as_declared(running_emulator: Emulator, deployed: Deployment) -> None:
    """B1, B3."""
    s3 = running_emulator.client("s3")
    for bucket in deployed.outputs["buckets"].values():
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}
        controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        assert controls == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        statement = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def rules(name: str) -> list[dict[str, Any]]:
        bucket = deployed.outputs["buckets"][name]
        found: list[dict[str, Any]] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        return found

    (expiry,) = [rule["Expiration"] for rule in rules("artifacts") if "Expiration" in rule]
    assert expiry["Days"] == 90
    (moves,) = [rule["Transitions"] for rule in rules("logs") if "Transitions" in rule]
    assert [(move["Days"], move["StorageClass"]) for move in moves] == [
        (30, "GLACIER"),
        (365, "DEEP_ARCHIVE"),
    ]


def test_the_build_queue_waits_as_long_as_a_build_and_has_dead_letters(
    running_emulator: Emulator, deployed: Deployment
) -> None:
    """P4."""
    attributes = running_emulator.client("sqs").get_queue_attributes(
        QueueUrl=deployed.outputs["queues"]["builds"], AttributeNames=["All"]
    )["Attributes"]
    assert attributes["VisibilityTimeout"] == "1800"
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 3


def test_the_build_project_is_as_declared(running_emulator: Emulator, deployed: Deployment) -> None:
    """P5."""
    assert deployed.of_type("aws:codebuild/project:Project")
    (project,) = running_emulator.client("codebuild").batch_get_projects(
        names=["anchor-local-site-next-site-build"]
    )["projects"]
    assert project["environment"]["computeType"] == "BUILD_GENERAL1_SMALL"
    assert project["timeoutInMinutes"] == 30
    assert "version: 0.2" in project["source"]["buildspec"]


def test_the_distribution_executes_the_function_with_the_store(
    running_emulator: Emulator, deployed: Deployment
) -> None:
    """D8."""
    cloudfront = running_emulator.client("cloudfront")
    config = cloudfront.get_distribution_config(Id=deployed.outputs["distributionId"])["DistributionConfig"]
    assert config["HttpVersion"] == "http2and3"
    (association,) = config["DefaultCacheBehavior"]["FunctionAssociations"]["Items"]
    name = association["FunctionARN"].rpartition("/")[2]
    function = cloudfront.describe_function(Name=name, Stage="LIVE")["FunctionSummary"]["FunctionConfig"]
    (store,) = function["KeyValueStoreAssociations"]["Items"]
    assert store["KeyValueStoreARN"] == deployed.outputs["keyValueStoreArn"]
