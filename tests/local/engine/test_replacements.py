"""The engine replaces a resource for a change that the AWS provider does not make in place (L6)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from botocore.exceptions import ClientError

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment, Engine, ResourceError

CONFIG = {"aws:region": "ap-southeast-1"}
Deploy = Callable[[Callable[[], object]], Deployment]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}


@pytest.fixture
def engine(emulator: Emulator, tmp_path: Path) -> Engine:
    return Engine(emulator, root=tmp_path)


@pytest.fixture
def deploy(engine: Engine) -> Deploy:
    return lambda program: engine.deploy_program(program, stack="local", config=CONFIG)


def make_archive(**modules: str) -> pulumi.AssetArchive:
    """Return an archive of Python modules."""
    return pulumi.AssetArchive({f"{name}.py": pulumi.StringAsset(text) for name, text in modules.items()})


def declare_function(**arguments: Any) -> aws.lambda_.Function:  # noqa: ANN401 - any of the function's
    role = aws.iam.Role("role", name="role", assume_role_policy=json.dumps(TRUST))
    return aws.lambda_.Function(
        "probe",
        name="probe",
        role=role.arn,
        runtime="python3.13",
        handler="probe.handle",
        code=make_archive(probe="import ours\n\ndef handle(event, context):\n    return ours.X\n"),
        **arguments,
    )


def list_names(urns: tuple[str, ...]) -> list[str]:
    return [urn.rpartition("::")[2] for urn in urns]


def list_layer_versions(emulator: Emulator) -> list[int]:
    versions = emulator.client("lambda").list_layer_versions(LayerName="ours")["LayerVersions"]
    return [each["Version"] for each in versions]


def make_layer_program(value: str) -> Callable[[], aws.lambda_.Function]:
    def define_resources() -> aws.lambda_.Function:
        code = pulumi.AssetArchive({"python": make_archive(ours=f"X = {value!r}\n")})
        layer = aws.lambda_.LayerVersion("ours", layer_name="ours", code=code)
        return declare_function(layers=[layer.arn])

    return define_resources


def replace_layer_and_fail() -> None:
    function = make_layer_program("new")()
    after = pulumi.ResourceOptions(depends_on=[function])
    aws.sqs.QueuePolicy("orphan", queue_url="http://127.0.0.1/1/nowhere", policy="{}", opts=after)


def test_a_changed_layer_is_published_before_the_old_version_is_deleted(
    emulator: Emulator, deploy: Deploy
) -> None:
    deploy(make_layer_program("old"))
    deployment = deploy(make_layer_program("new"))
    assert list_names(deployment.created) == list_names(deployment.deleted) == ["ours"]
    assert list_names(deployment.updated) == ["probe"]
    assert list_layer_versions(emulator) == [2]
    answer = emulator.client("lambda").invoke(FunctionName="probe")
    assert json.load(answer["Payload"]) == "new"


def test_after_a_failure_the_next_run_deletes_the_replaced_resource(
    emulator: Emulator, deploy: Deploy
) -> None:
    deploy(make_layer_program("old"))
    with pytest.raises(ResourceError):
        deploy(replace_layer_and_fail)
    assert list_layer_versions(emulator) == [2, 1]
    deployment = deploy(make_layer_program("new"))
    assert (deployment.created, list_names(deployment.deleted)) == ((), ["ours"])
    assert list_layer_versions(emulator) == [2]


def test_destroying_a_stage_deletes_its_replaced_resources(
    emulator: Emulator, engine: Engine, deploy: Deploy
) -> None:
    deploy(make_layer_program("old"))
    with pytest.raises(ResourceError):
        deploy(replace_layer_and_fail)
    engine.destroy()
    assert list_layer_versions(emulator) == []


def test_a_resource_with_the_same_name_is_deleted_before_its_replacement(
    emulator: Emulator, deploy: Deploy
) -> None:
    """Lambda refuses a second permission with the same statement ID."""

    def make_program(principal: str) -> Callable[[], object]:
        def define_resources() -> None:
            function = declare_function()
            aws.lambda_.Permission(
                "caller",
                function=function.name,
                statement_id="Caller",
                action="lambda:InvokeFunction",
                principal=principal,
            )

        return define_resources

    deploy(make_program("s3.amazonaws.com"))
    deployment = deploy(make_program("events.amazonaws.com"))
    assert list_names(deployment.created) == list_names(deployment.deleted) == ["caller"]
    policy = json.loads(emulator.client("lambda").get_policy(FunctionName="probe")["Policy"])
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}


def test_the_settings_of_a_replaced_bucket_are_created_again(emulator: Emulator, deploy: Deploy) -> None:
    """As in Pulumi: the CORS settings are lost with the bucket, although their arguments do not change."""

    def make_program(*, object_lock: bool) -> Callable[[], object]:
        def define_resources() -> None:
            bucket = aws.s3.Bucket("files", bucket="the-files", object_lock_enabled=object_lock)
            aws.s3.BucketCorsConfiguration(
                "files",
                bucket=bucket.bucket,
                cors_rules=[{"allowed_methods": ["GET"], "allowed_origins": ["*"]}],
            )

        return define_resources

    deploy(make_program(object_lock=False))
    deployment = deploy(make_program(object_lock=True))
    assert len(deployment.created) == len(deployment.deleted) == 2
    (rule,) = emulator.client("s3").get_bucket_cors(Bucket="the-files")["CORSRules"]
    assert rule["AllowedMethods"] == ["GET"]


def test_a_renamed_resource_exists_only_with_its_new_name(emulator: Emulator, deploy: Deploy) -> None:
    deploy(lambda: aws.sqs.Queue("builds", name="old"))
    deployment = deploy(lambda: aws.sqs.Queue("builds", name="new"))
    assert list_names(deployment.created) == list_names(deployment.deleted) == ["builds"]
    client = emulator.client("sqs")
    assert client.get_queue_url(QueueName="new")["QueueUrl"] == deployment.resources[0].id
    with pytest.raises(ClientError, match="NonExistentQueue"):
        client.get_queue_url(QueueName="old")
