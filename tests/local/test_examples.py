"""The example programs, deployed to the embedded AWS with the wheel of the components (W1)."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment, Engine
from tests.packages.example_programs import EXAMPLES, import_package, run_example
from tests.packages.wheels import make_wheel, unpack_wheel


@pytest.fixture(scope="session")
def installed_components(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("components")
    unpack_wheel(make_wheel("components", tmp_path_factory.mktemp("dist")), folder)
    return folder


@pytest.fixture
def notes(emulator: Emulator, installed_components: Path) -> Deployment:
    """The table, the bucket and the policy of the example."""
    name = "table-and-bucket"
    engine = Engine(emulator, root=EXAMPLES / name)
    with import_package(installed_components):
        return engine.deploy_program(lambda: run_example(name), stack="dev", config={})


def test_the_application_may_use_exactly_its_rows_and_files(emulator: Emulator, notes: Deployment) -> None:
    """The example's policy is attached to a role, and the role's credentials are used."""
    iam = emulator.client("iam")
    trust: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    role = iam.create_role(RoleName="notes", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.attach_role_policy(RoleName="notes", PolicyArn=notes.outputs["policyArn"])
    session = emulator.create_role_session(role["Arn"])
    rows, files = session.client("dynamodb"), session.client("s3")
    table, bucket = notes.outputs["table"], notes.outputs["bucket"]

    note = {"userId": {"S": "ada"}, "noteId": {"S": "1"}, "topic": {"S": "engines"}}
    rows.put_item(TableName=table, Item=note)
    found = rows.query(
        TableName=table,
        IndexName="TopicIndex",
        KeyConditionExpression="topic = :topic",
        ExpressionAttributeValues={":topic": {"S": "engines"}},
    )
    assert found["Items"] == [note]
    files.put_object(Bucket=bucket, Key="uploads/1.txt", Body=b"note")
    assert files.get_object(Bucket=bucket, Key="uploads/1.txt")["Body"].read() == b"note"

    with pytest.raises(ClientError, match=r"not authorized|AccessDenied"):
        files.put_object(Bucket=bucket, Key="other/1.txt", Body=b"note")
    with pytest.raises(ClientError, match=r"not authorized|AccessDenied"):
        rows.scan(TableName=table)


def test_the_bucket_of_the_example_is_private_and_versioned(emulator: Emulator, notes: Deployment) -> None:
    s3, bucket = emulator.client("s3"), notes.outputs["bucket"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
