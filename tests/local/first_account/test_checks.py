"""`make first-account`: each check passes on a correct stage. If a fact is wrong, only its check fails."""

import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from attrs import evolve
from botocore.model import OperationModel
from rich.console import Console

from first_account.__main__ import StackError, check_stage, open_stage
from first_account.checks import CHECKS, build_policy, render_policy, run_checks
from first_account.model import Check, Stage, Verdict
from local.emulator.emulator import Emulator
from tests.components.recorder import ROOT
from tests.local.first_account.answers import replace_answers

Break = Callable[[Stage], AbstractContextManager[Stage]]
BREAKS: dict[str, tuple[str, Break]] = {}


def register_break(check: str) -> Callable[[Callable[[Stage], Iterator[Stage | None]]], Break]:
    """Register a function that makes a check fail, and that repairs the stage after its `yield`."""

    def register_function(make: Callable[[Stage], Iterator[Stage | None]]) -> Break:
        @contextmanager
        def apply_break(stage: Stage) -> Iterator[Stage]:
            for broken in make(stage):
                yield broken or stage

        BREAKS[make.__name__] = (check, apply_break)
        return apply_break

    return register_function


@register_break("account")
def use_another_account(stage: Stage) -> Iterator[Stage]:
    projects = {"name": "anchor-staging-projects", "arn": "arn:aws:dynamodb:ap-southeast-1:1:table/x"}
    yield evolve(stage, outputs={**stage.outputs, "tables": {"projects": projects}})


@register_break("plan")
def plan_changes(stage: Stage) -> Iterator[Stage]:
    def run_pulumi(*command: str) -> subprocess.CompletedProcess[str]:
        status = 0 if "--refresh" in command else 255
        return subprocess.CompletedProcess([], status, stdout="error: no changes were expected", stderr="")

    yield evolve(stage, run_pulumi=run_pulumi)


@register_break("drift")
def report_drift(stage: Stage) -> Iterator[Stage]:
    def run_pulumi(*command: str) -> subprocess.CompletedProcess[str]:
        status = 255 if "--refresh" in command else 0
        return subprocess.CompletedProcess([], status, stdout="error: no changes were expected", stderr="")

    yield evolve(stage, run_pulumi=run_pulumi)


@register_break("small logs")
def set_minimum_transition_size(stage: Stage) -> Iterator[None]:
    s3, bucket = stage.client("s3"), stage.outputs["buckets"]["logs"]
    rules = {"Rules": s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    for size in ("all_storage_classes_128K", "varies_by_storage_class"):
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration=rules, TransitionDefaultMinimumObjectSize=size
        )
        if size == "all_storage_classes_128K":
            yield None


@register_break("distributions")
def disable_distribution(stage: Stage) -> Iterator[None]:
    cloudfront, identity = stage.client("cloudfront"), stage.outputs["distributionId"]
    for enabled in (False, True):
        found = cloudfront.get_distribution_config(Id=identity)
        config = {**found["DistributionConfig"], "Enabled": enabled}
        cloudfront.update_distribution(Id=identity, IfMatch=found["ETag"], DistributionConfig=config)
        if not enabled:
            yield None


@register_break("distributions")
def make_certificate_pending(stage: Stage) -> Iterator[Stage]:
    yield replace_answers(
        stage,
        "acm",
        "describe_certificate",
        lambda answer: {"Certificate": {**answer["Certificate"], "Status": "PENDING_VALIDATION"}},
    )


@register_break("edge store")
def remove_uuid_from_store_arn(stage: Stage) -> Iterator[Stage]:
    arn = "arn:aws:cloudfront::000000000000:key-value-store/hosts"
    answers = replace_answers(
        evolve(stage, outputs={**stage.outputs, "keyValueStoreArn": arn}),
        "cloudfront-keyvaluestore",
        "describe_key_value_store",
        lambda answer: answer,
    )
    found = stage.client("cloudfront-keyvaluestore").describe_key_value_store(
        KvsARN=stage.outputs["keyValueStoreArn"]
    )

    class Store:
        def describe_key_value_store(self, **_arguments: str) -> Any:  # noqa: ANN401
            return found

    def get_client(name: str, region: str) -> Any:  # noqa: ANN401
        return Store() if name == "cloudfront-keyvaluestore" else stage.get_client(name, region)

    yield evolve(answers, get_client=get_client)


@register_break("edge store")
def use_missing_store(stage: Stage) -> Iterator[Stage]:
    arn = "arn:aws:cloudfront::000000000000:key-value-store/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    yield evolve(stage, outputs={**stage.outputs, "keyValueStoreArn": arn})


@register_break("DNS")
def delete_site_records(stage: Stage) -> Iterator[None]:
    route53 = stage.client("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    records = [
        each
        for each in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        if ".sites." in each["Name"] and each["Type"] in {"A", "AAAA"}
    ]
    assert records
    for action in ("DELETE", "CREATE"):
        changes = [{"Action": action, "ResourceRecordSet": record} for record in records]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
        if action == "DELETE":
            yield None


@register_break("tokens")
def remove_authorizer_from_route(stage: Stage) -> Iterator[None]:
    client, api = stage.client("apigatewayv2"), stage.outputs["images"]["apiId"]
    (route,) = [each for each in client.get_routes(ApiId=api)["Items"] if each["RouteKey"] == "GET /images"]
    client.update_route(ApiId=api, RouteId=route["RouteId"], AuthorizationType="NONE")
    yield None
    client.update_route(
        ApiId=api, RouteId=route["RouteId"], AuthorizationType="JWT", AuthorizerId=route["AuthorizerId"]
    )


@register_break("addresses for alarms")
def make_subscriptions_unconfirmed(stage: Stage) -> Iterator[Stage]:
    yield replace_answers(
        stage,
        "sns",
        "list_subscriptions_by_topic",
        lambda page: {
            "Subscriptions": [
                {**each, "SubscriptionArn": "PendingConfirmation"} for each in page["Subscriptions"]
            ]
        },
    )


@register_break("concurrency")
def lower_account_concurrency(stage: Stage) -> Iterator[Stage]:
    yield replace_account_limit(stage, limit=10, unreserved=10)


@register_break("concurrency")
def remove_reserved_concurrency(stage: Stage) -> Iterator[Stage]:
    yield replace_account_limit(stage, limit=1000, unreserved=1000)


def replace_account_limit(stage: Stage, *, limit: int, unreserved: int) -> Stage:
    limits = {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}
    return replace_answers(stage, "lambda", "get_account_settings", lambda _: {"AccountLimit": limits})


@register_break("recursive loops")
def forbid_recursion_of_orchestrator(stage: Stage) -> Iterator[None]:
    client, name = stage.client("lambda"), f"{stage.prefix}-orchestrator"
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Terminate")
    yield None
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")


@register_break("recursive loops")
def allow_recursion_of_release_function(stage: Stage) -> Iterator[None]:
    client, name = stage.client("lambda"), f"{stage.prefix}-release"
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    yield None
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Terminate")


def find_orchestrator_mapping(stage: Stage) -> Mapping[str, Any]:
    (mapping,) = stage.client("lambda").list_event_source_mappings(
        FunctionName=f"{stage.prefix}-orchestrator"
    )["EventSourceMappings"]
    return mapping


@register_break("consumers")
def remove_concurrency_limit(stage: Stage) -> Iterator[None]:
    client, mapping = stage.client("lambda"), find_orchestrator_mapping(stage)
    client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={})
    yield None
    client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=mapping["ScalingConfig"])


@register_break("consumers")
def disable_orchestrator_mapping(stage: Stage) -> Iterator[None]:
    client, mapping = stage.client("lambda"), find_orchestrator_mapping(stage)
    for enabled in (False, True):
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
        if not enabled:
            yield None


@register_break("consumers")
def lower_max_receive_count(stage: Stage) -> Iterator[None]:
    sqs, url = stage.client("sqs"), stage.outputs["queues"]["builds"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    fewer = json.dumps({**json.loads(policy["RedrivePolicy"]), "maxReceiveCount": 3})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": fewer})
    yield None
    sqs.set_queue_attributes(QueueUrl=url, Attributes=policy)


@register_break("dead letters")
def add_dead_letter(stage: Stage) -> Iterator[None]:
    sqs, url = stage.client("sqs"), f"{stage.outputs['queues']['builds']}-dead"
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    yield None
    sqs.purge_queue(QueueUrl=url)


@register_break("boto3")
def remove_boto3_from_layer(stage: Stage) -> Iterator[Stage]:
    client = stage.client("lambda")
    layer = client.publish_layer_version(
        LayerName=f"{stage.prefix}-base", Content={"ZipFile": make_zip({"python/other.py": ""})}
    )
    name = f"{stage.prefix}-release"
    former = client.get_function_configuration(FunctionName=name)["Layers"]
    layers = [each["Arn"] for each in former]
    client.update_function_configuration(
        FunctionName=name,
        Layers=[layer["LayerVersionArn"], *(each for each in layers if "-base:" not in each)],
    )
    yield stage
    client.update_function_configuration(FunctionName=name, Layers=layers)


def make_zip(files: Mapping[str, str]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


@register_break("streaming")
def buffer_function_url(stage: Stage) -> Iterator[None]:
    client, name = stage.client("lambda"), f"{stage.prefix}-site-next-site-server"
    for mode in ("BUFFERED", "RESPONSE_STREAM"):
        client.update_function_url_config(FunctionName=name, InvokeMode=mode)
        if mode == "BUFFERED":
            yield None


@contextmanager
def add_log_line(stage: Stage, function: str, message: str) -> Iterator[None]:
    logs, group = stage.client("logs"), f"/aws/lambda/{stage.prefix}-{function}"
    logs.create_log_stream(logGroupName=group, logStreamName="broken")
    logs.put_log_events(
        logGroupName=group,
        logStreamName="broken",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": message}],
    )
    yield
    logs.delete_log_stream(logGroupName=group, logStreamName="broken")


@register_break("permissions")
def log_refused_call(stage: Stage) -> Iterator[None]:
    with add_log_line(stage, "images-api", "An error occurred (AccessDeniedException) when calling PutItem"):
        yield None


@register_break("parameters")
def log_unknown_parameter(stage: Stage) -> Iterator[None]:
    with add_log_line(stage, "release", "ParamValidationError: Unknown parameter in input"):
        yield None


@register_break("rate of secrets")
def log_throttled_secret_write(stage: Stage) -> Iterator[None]:
    with add_log_line(stage, "api", "ThrottlingException when calling the PutParameter operation"):
        yield None


@register_break("rows of builds")
def log_refused_transaction(stage: Stage) -> Iterator[None]:
    with add_log_line(stage, "orchestrator", "AccessDeniedException when calling TransactWriteItems"):
        yield None


@register_break("alarms")
def activate_alarm(stage: Stage) -> Iterator[None]:
    client = stage.client("cloudwatch")
    name = client.describe_alarms(AlarmNamePrefix=f"{stage.prefix}-")["MetricAlarms"][0]["AlarmName"]
    for state in ("ALARM", "OK"):
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
        if state == "ALARM":
            yield None


# Some functions in `BREAKS` make other checks fail, too. Key: the function. Value: the other checks.
ALSO_FAILED = {"log_refused_transaction": {"permissions"}, "use_another_account": {"addresses for alarms"}}


def find_failed_checks(stage: Stage) -> dict[str, str]:
    """Return the names of the checks that fail, each with what it found."""
    return {
        each.check.name: each.finding.detail
        for each in run_checks(stage)
        if each.finding.verdict is Verdict.FAILED
    }


def test_every_check_passes_on_a_correct_stage(stage: Stage) -> None:
    assert {
        each.check.name: each.finding.detail
        for each in run_checks(stage)
        if each.finding.verdict is not Verdict.PASSED
    } == {}


def test_every_check_has_an_example_of_a_wrong_stage() -> None:
    assert {check for check, _ in BREAKS.values()} == {check.name for check in CHECKS}


@pytest.mark.parametrize("name", BREAKS)
def test_only_the_check_of_a_wrong_fact_fails(stage: Stage, name: str) -> None:
    check, make_wrong = BREAKS[name]
    with make_wrong(stage) as wrong:
        assert find_failed_checks(wrong).keys() == {check} | ALSO_FAILED.get(name, set())
    assert find_failed_checks(stage) == {}


def test_before_the_first_push_two_checks_report_not_yet(stage: Stage) -> None:
    client, name = stage.client("lambda"), f"{stage.prefix}-site-next-site-server"
    table = stage.outputs["tables"]["projects"]["name"]
    row = {"projectId": {"S": "BUILDS"}, "sk": {"S": "RUNNING"}}
    client.delete_function_url_config(FunctionName=name)
    stage.client("dynamodb").delete_item(TableName=table, Key=row)
    try:
        waiting = {each.check.name for each in run_checks(stage) if each.finding.verdict is Verdict.NOT_YET}
        assert waiting == {"streaming", "rows of builds"}
        assert check_stage(stage, Console(file=StringIO())) == 0
    finally:
        stage.client("dynamodb").put_item(TableName=table, Item=row)
        client.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM")


def test_the_table_shows_what_was_found_and_what_to_do(stage: Stage) -> None:
    """Requirement Q1."""
    shown = StringIO()
    console = Console(file=shown, width=200)
    assert check_stage(stage, console) == 0
    assert "Run `pulumi up --refresh`" not in shown.getvalue()
    with BREAKS["forbid_recursion_of_orchestrator"][1](stage) as wrong:
        assert check_stage(wrong, console) == 1
    assert "anchor-staging-orchestrator has Terminate, not Allow" in shown.getvalue()
    assert "Run `pulumi up --refresh`." in shown.getvalue()
    assert f"{len(CHECKS) - 1} passed, 1 failed, 0 not yet" in shown.getvalue()


# IAM's name of an operation, if it differs from the name in the API. None: no permission is necessary.
ACTIONS = {
    "sts:GetCallerIdentity": None,
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "monitoring:DescribeAlarms": "cloudwatch:DescribeAlarms",
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_declares_exactly_the_actions_that_it_calls(stage: Stage, check: Check) -> None:
    """Requirement Q3."""
    called: set[str | None] = set()

    def record_action(model: OperationModel, **_named: object) -> None:
        operation = f"{model.service_model.signing_name}:{model.name}"
        called.add(ACTIONS.get(operation, operation))

    def get_client(service: str, region: str) -> Any:  # noqa: ANN401
        client = running.client(service, region_name=region, endpoint_url=address)
        client.meta.events.register("before-call", record_action)
        return client

    example = stage.client("sts")
    address, credentials = example.meta.endpoint_url, example._request_signer._credentials
    running = boto3.Session(
        aws_access_key_id=credentials.access_key, aws_secret_access_key=credentials.secret_key
    )
    run_checks(evolve(stage, get_client=get_client), [check])
    assert called - {None} == {each.action for each in check.permissions}


# The emulator's IAM has other names for these actions.
EMULATOR_ACTIONS = {
    "lambda:GetFunctionRecursionConfig": "lambda:GetFunction",
    "lambda:ListFunctionUrlConfigs": "lambda:GetFunction",
    "lambda:GetLayerVersion": "lambda:ListLayers",
}
# For these actions, the emulator's IAM always checks the resource `*`.
WITHOUT_RESOURCES = {"lambda:ListLayers", "ssm:GetServiceSetting"}


def test_the_policy_permits_all_checks(stage: Stage, running_emulator: Emulator) -> None:
    """Requirement Q3."""
    iam, name = running_emulator.client("iam"), "first-account"
    policy = build_policy(
        replacements={"REGION": stage.region, "ACCOUNT": stage.account, "STAGE": stage.name}
    )
    for statement in policy["Statement"]:
        statement["Action"] = EMULATOR_ACTIONS.get(statement["Action"], statement["Action"])
        if statement["Action"] in WITHOUT_RESOURCES:
            statement["Resource"] = "*"
    trust = {"Effect": "Allow", "Principal": {"AWS": stage.account}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(RoleName=name, PolicyName="checks", PolicyDocument=json.dumps(policy))
    session = running_emulator.create_role_session(role["Role"]["Arn"])

    def get_client(service: str, region: str) -> Any:  # noqa: ANN401
        return session.client(service, region_name=region, endpoint_url=running_emulator.endpoint_url)

    run_checks(evolve(stage, get_client=get_client))
    decisions = [each for each in running_emulator.list_decisions() if each.role == name]
    assert {each for each in decisions if not each.is_allowed} == set()
    assert len({each.action for each in decisions}) > 10


def test_the_policy_permits_only_read_actions() -> None:
    """Requirement Q3."""
    actions = {each["Action"].partition(":")[2] for each in build_policy()["Statement"]}
    assert len(actions) > 10
    assert {
        each for each in actions if not each.startswith(("Describe", "Filter", "Get", "List", "Query"))
    } == set()


def test_the_documented_policy_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "first-account-policy.json").read_text() == render_policy()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'no stack named dev' >&2; exit 255", "no stack named dev"),
        ("echo '{}'", "run `pulumi up -s dev` first"),
        (None, "the Pulumi command line is not installed"),
    ],
)
def test_a_stack_without_outputs_is_refused(
    script: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requirement Q1."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if script:
        program = tmp_path / "pulumi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    with pytest.raises(StackError, match=message):
        open_stage("dev")
