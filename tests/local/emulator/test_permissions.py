"""IAM in the embedded AWS names resources as AWS does, so scoped policies work in the same way (L1)."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.emulator import BuildRequest, BuildResult, Emulator, NodeResult
from tests.local.emulator.probe import make_function, make_policy, make_role, put_policy

ARN = "arn:aws:{}:ap-southeast-1:000000000000:{}"


def create_client(emulator: Emulator, service: str, actions: str | list[str], resource: str) -> Any:  # noqa: ANN401 - boto3's clients have no types of their own
    """Return a client of a role that may call only these actions on these resources."""
    role = make_role(emulator, "limited", policy=make_policy(actions, resource))
    return emulator.create_role_session(role).client(service)


def test_parameters_are_read_by_name_and_by_path_only_below_the_allowed_prefix(emulator: Emulator) -> None:
    for name in ("/site/a/KEY", "/site/b/KEY"):
        emulator.client("ssm").put_parameter(Name=name, Value="secret", Type="SecureString")
    ssm = create_client(
        emulator,
        "ssm",
        ["ssm:GetParameters", "ssm:GetParametersByPath"],
        ARN.format("ssm", "parameter/site/a/*"),
    )
    (own,) = ssm.get_parameters(Names=["/site/a/KEY"], WithDecryption=True)["Parameters"]
    assert own["Value"] == "secret"
    assert ssm.get_parameters_by_path(Path="/site/a/", WithDecryption=True)["Parameters"]
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_parameters(Names=["/site/a/KEY", "/site/b/KEY"])
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_parameters_by_path(Path="/site/b/")


def test_an_encrypted_parameter_is_only_readable_with_permission_for_its_key(emulator: Emulator) -> None:
    """X2: the value without decryption contains no plaintext in any form."""
    key = emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
    secure = {"Name": "/site/a/KEY", "Value": "open sesame", "Type": "SecureString", "KeyId": key}
    emulator.client("ssm").put_parameter(**secure)
    reader = create_client(emulator, "ssm", ["ssm:Get*", "ssm:Put*"], "*")
    (shown,) = reader.get_parameters(Names=["/site/a/KEY"])["Parameters"]
    assert base64.b64encode(b"open sesame").decode() not in shown["Value"]
    for read in (
        lambda: reader.get_parameter(Name="/site/a/KEY", WithDecryption=True),
        lambda: reader.get_parameters(Names=["/site/a/KEY"], WithDecryption=True),
        lambda: reader.get_parameters_by_path(Path="/site/a/", WithDecryption=True),
        lambda: reader.get_parameter_history(Name="/site/a/KEY", WithDecryption=True),
        lambda: reader.put_parameter(**secure, Overwrite=True),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            read()
    policy = make_policy(["ssm:GetParameter", "ssm:PutParameter", "kms:Decrypt", "kms:Encrypt"], "*")
    policy["Statement"][0]["Condition"] = {
        "StringLikeIfExists": {"kms:EncryptionContext:PARAMETER_ARN": ARN.format("ssm", "parameter/site/*")}
    }
    put_policy(emulator, policy, "limited")
    assert (
        reader.get_parameter(Name="/site/a/KEY", WithDecryption=True)["Parameter"]["Value"] == "open sesame"
    )
    reader.put_parameter(**secure, Overwrite=True)


def test_builds_are_read_and_stopped_with_permissions_on_their_project(emulator: Emulator) -> None:
    for name in ("mine", "yours"):
        emulator.client("codebuild").create_project(
            name=name,
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole=make_role(emulator, name),
        )

    def run_build(_request: BuildRequest) -> BuildResult:
        return BuildResult(status="SUCCEEDED", phases=())

    emulator.set_build_runner(run_build)
    mine, yours = (
        emulator.client("codebuild").start_build(projectName=name)["build"]["id"]
        for name in ("mine", "yours")
    )
    builds = create_client(emulator, "codebuild", "codebuild:*", ARN.format("codebuild", "project/mine"))
    assert builds.batch_get_builds(ids=[mine])["builds"]
    builds.stop_build(id=mine)
    with pytest.raises(ClientError, match="AccessDenied"):
        builds.batch_get_builds(ids=[mine, yours])
    with pytest.raises(ClientError, match="AccessDenied"):
        builds.stop_build(id=yours)


def test_the_arn_of_a_log_group_ends_with_a_colon_and_a_star_as_in_aws(emulator: Emulator) -> None:
    for name in ("/builds/mine", "/builds/yours"):
        emulator.client("logs").create_log_group(logGroupName=name)
    logs = create_client(emulator, "logs", "logs:*", ARN.format("logs", "log-group:/builds/mine:*"))
    logs.create_log_stream(logGroupName="/builds/mine", logStreamName="1")
    event = {"timestamp": 1, "message": "built"}
    logs.put_log_events(logGroupName="/builds/mine", logStreamName="1", logEvents=[event])
    assert logs.filter_log_events(logGroupName="/builds/mine")["events"]
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.filter_log_events(logGroupName="/builds/yours")


def test_an_alias_is_invoked_with_permission_on_its_qualified_arn(emulator: Emulator) -> None:
    emulator.set_node_invoker(lambda _: NodeResult(payload="run"))
    make_function(emulator, runtime="nodejs22.x")
    version = emulator.client("lambda").publish_version(FunctionName="probe")["Version"]
    emulator.client("lambda").create_alias(FunctionName="probe", Name="live", FunctionVersion=version)
    functions = create_client(
        emulator, "lambda", "lambda:InvokeFunction", ARN.format("lambda", "function:probe:*")
    )
    answer = functions.invoke(FunctionName="probe", Qualifier="live", Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == "run"
    with pytest.raises(ClientError, match="AccessDenied"):
        functions.invoke(FunctionName="probe", Payload=b"{}")


def test_an_alias_is_created_and_moved_with_permission_for_these_actions(emulator: Emulator) -> None:
    make_function(emulator, runtime="nodejs22.x")
    function = ARN.format("lambda", "function:probe")
    functions = create_client(emulator, "lambda", ["lambda:CreateAlias", "lambda:UpdateAlias"], function)
    functions.create_alias(FunctionName="probe", Name="live", FunctionVersion="$LATEST")
    functions.update_alias(FunctionName="probe", Name="live", FunctionVersion="$LATEST")
    with pytest.raises(ClientError, match="AccessDenied"):
        functions.delete_alias(FunctionName="probe", Name="live")


def test_loopback_counts_as_secure_transport(emulator: Emulator) -> None:
    """B1: buckets refuse requests without TLS. The emulator treats plain HTTP on loopback as TLS."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="closed", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    without_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::closed/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [without_tls]}
    s3.put_bucket_policy(Bucket="closed", Policy=json.dumps(policy))
    limited = create_client(emulator, "s3", "s3:PutObject", "arn:aws:s3:::closed/*")
    limited.put_object(Bucket="closed", Key="file", Body=b"")


def test_a_key_encrypts_only_with_the_allowed_encryption_context(emulator: Emulator) -> None:
    key = emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
    statement = {
        "Effect": "Allow",
        "Action": "kms:Encrypt",
        "Resource": key,
        "Condition": {
            "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "shop"},
            "Null": {"kms:EncryptionContext:shop": "false"},
        },
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    kms = emulator.create_role_session(make_role(emulator, "limited", policy=policy)).client("kms")
    assert kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"shop": "a.example"})["CiphertextBlob"]
    for context in ({}, {"project": "1"}, {"shop": "a.example", "project": "1"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
