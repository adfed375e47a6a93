"""The real `__main__.py`, unchanged, on the embedded AWS (L1). Tests in `../readback` read the resources."""

import re
from collections.abc import Iterator
from typing import Any

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment
from tests.local.deployed_program import DeployedProgram


def iterate_texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any property
    if isinstance(value, dict):
        for item in value.values():
            yield from iterate_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from iterate_texts(item)
    elif isinstance(value, str):
        yield value


def test_the_whole_program_is_deployed(deployed: Deployment) -> None:
    assert len(deployed.resources) > 200
    assert deployed.warnings == ()


def test_a_second_run_plans_no_change(program: DeployedProgram, deployed: Deployment) -> None:
    """Requirement G7."""
    again = program.deploy()
    assert (again.created, again.updated, again.deleted) == ((), (), ())
    assert again.outputs == deployed.outputs


def test_every_output_that_the_program_reads_has_a_value(deployed: Deployment) -> None:
    """If a provider returns no value for an output, the inputs of other resources contain the word "None"."""
    affected = [
        (resource.urn, text)
        for resource in deployed.resources
        for text in iterate_texts(resource.inputs)
        # The buildspec contains Python code, in which "is not None" is a condition.
        if re.search(r"(^|[:/ \"])None($|[:/ \"])", text.replace(" is not None ", ""))
    ]
    assert affected == []


def test_the_deployment_has_all_outputs(deployed: Deployment) -> None:
    """Requirement G5."""
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
        "images",
    }
    assert deployed.outputs["apiEndpoint"].startswith("http://127.0.0.1:")
    assert deployed.outputs["sites"] == {"next-site": "http://next-site.localhost:8080"}


def test_the_host_of_the_images_resolves_to_this_machine(deployed: Deployment) -> None:
    images = deployed.outputs["images"]
    assert images["distributionDomain"].endswith(".cloudfront.localhost")
    assert images["deliveryUrl"] == f"http://{images['distributionDomain']}:8080"


def test_every_site_has_a_row_in_the_projects_table(running_emulator: Emulator, deployed: Deployment) -> None:
    row = running_emulator.client("dynamodb").get_item(
        TableName=deployed.outputs["tables"]["projects"]["name"],
        Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}},
    )["Item"]
    assert row["serverFunction"] == {"S": "anchor-local-site-next-site-server"}
    assert row["revalidationQueueUrl"]["S"].startswith("http://127.0.0.1:")
    assert row["urlPattern"] == {"S": "http://{host}:8080"}


def test_the_program_can_be_destroyed_completely(program: DeployedProgram, deployed: Deployment) -> None:
    """G3: after a stage without retained data is destroyed, no resource remains."""
    program.forget()  # first, so that no other test reads a partly destroyed program
    assert set(program.engine.destroy()) == {resource.urn for resource in deployed.resources}
    emulator = program.emulator
    left = {
        "tables": emulator.client("dynamodb").list_tables()["TableNames"],
        "buckets": [bucket["Name"] for bucket in emulator.client("s3").list_buckets()["Buckets"]],
        "functions": [
            made["FunctionName"] for made in emulator.client("lambda").list_functions()["Functions"]
        ],
        "APIs": [api["Name"] for api in emulator.client("apigatewayv2").get_apis()["Items"]],
        "queues": emulator.client("sqs").list_queues().get("QueueUrls", []),
        "roles": [role["RoleName"] for role in emulator.client("iam").list_roles()["Roles"]],
    }
    assert [(kind, name) for kind, names in left.items() for name in names if "anchor-local-" in name] == []
