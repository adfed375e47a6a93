"""Alarms, dashboard, logs, keys and builds, compared with the requirements (Q2, G6).

The tests read the resources back from the embedded AWS. The emulator does not store the expressions of alarms
(`builds-failed` and the `5xx` alarms of the distributions). For these alarms, the tests compare the inputs of
the resources instead.
"""

import json

import pytest

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment

FUNCTIONS = {
    "api",
    "build-events",
    "collect",
    "images-api",
    "images-uploaded",
    "orchestrator",
    "promote",
    "release",
    "sweep",
    "webhook",
}
SITE_FUNCTIONS = {f"site-next-site-{name}" for name in ("image", "revalidate", "server")}


@pytest.mark.usefixtures("deployed")
def test_every_function_has_alarms_on_errors_and_throttles(running_emulator: Emulator) -> None:
    alarms = running_emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
    for metric in ("Errors", "Throttles"):
        watched = {
            dimension["Value"].removeprefix("anchor-local-")
            for alarm in alarms
            if (alarm.get("Namespace"), alarm.get("MetricName")) == ("AWS/Lambda", metric)
            for dimension in alarm["Dimensions"]
        }
        assert watched == FUNCTIONS, metric
    topic = "arn:aws:sns:ap-southeast-1:000000000000:anchor-local-alarms"
    assert {tuple(alarm["AlarmActions"]) for alarm in alarms} == {(topic,)}
    ignoring = {alarm["AlarmName"] for alarm in alarms if alarm["TreatMissingData"] == "ignore"}
    assert {alarm["TreatMissingData"] for alarm in alarms} == {"ignore", "notBreaching"}
    assert {name.rpartition("-")[2] for name in ignoring} == {"dead", "full"}


@pytest.mark.usefixtures("deployed")
def test_dead_letter_queues_have_an_alarm_on_the_first_message(running_emulator: Emulator) -> None:
    """Requirement P4."""
    alarms = {
        alarm["Dimensions"][0]["Value"].removeprefix("anchor-local-"): alarm
        for alarm in running_emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if alarm.get("Namespace") == "AWS/SQS"
    }
    assert {"builds-dead", "releases-dead.fifo", "images-uploads-dead"} <= set(alarms)
    for alarm in alarms.values():
        assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_failed_builds_have_an_alarm(deployed: Deployment) -> None:
    inputs = {
        resource.inputs.get("name"): resource.inputs
        for resource in deployed.find_by_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    }["anchor-local-builds-failed"]
    (share,) = [query for query in inputs["metricQueries"] if query.get("returnData")]
    assert (share["expression"] != "", inputs["threshold"]) == (True, 50)


def test_the_alarms_of_the_distributions_are_in_the_region_of_their_metrics(
    running_emulator: Emulator, deployed: Deployment
) -> None:
    """CloudFront's metrics are in us-east-1, and an alarm notifies only topics of its own region."""
    edges = {
        "anchor-local-edge-5xx": deployed.outputs["distributionId"],
        "anchor-local-images-5xx": deployed.outputs["images"]["distributionId"],
    }
    alarms = running_emulator.client("cloudwatch", "us-east-1").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == set(edges)
    for alarm in alarms:
        (topic,) = alarm["AlarmActions"]
        assert topic.startswith("arn:aws:sns:us-east-1:")
    for resource in deployed.find_by_type("aws:cloudwatch/metricAlarm:MetricAlarm"):
        if resource.inputs["name"] in edges:
            metrics = [query["metric"] for query in resource.inputs["metricQueries"] if query.get("metric")]
            assert {metric["namespace"] for metric in metrics} == {"AWS/CloudFront"}
            watched = {metric["dimensions"]["DistributionId"] for metric in metrics}
            assert watched == {edges[resource.inputs["name"]]}


@pytest.mark.usefixtures("deployed")
def test_the_dashboard_shows_existing_resources(running_emulator: Emulator) -> None:
    client = running_emulator.client("cloudwatch")
    body = client.get_dashboard(DashboardName="anchor-local")["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    assert len(widgets) > 3
    for name in ("anchor-local-release", "anchor-local-builds-dead", "AWS/CloudFront", "AWS/ApiGateway"):
        assert name in body


@pytest.mark.usefixtures("deployed")
def test_log_retention_follows_the_stage(running_emulator: Emulator) -> None:
    groups = running_emulator.client("logs").describe_log_groups()["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    expected = {f"/aws/lambda/anchor-local-{name}" for name in FUNCTIONS | SITE_FUNCTIONS}
    expected |= {f"/aws/apigateway/anchor-local-{name}" for name in ("platform", "images")}
    expected.add("/aws/codebuild/anchor-local-site-next-site-build")
    assert expected <= set(kept)
    assert set(kept.values()) == {1}


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("name", sorted(FUNCTIONS | SITE_FUNCTIONS))
def test_a_function_has_its_own_log_group_tracing_and_tags(running_emulator: Emulator, name: str) -> None:
    found = running_emulator.client("lambda").get_function(FunctionName=f"anchor-local-{name}")
    config = found["Configuration"]
    assert config["LoggingConfig"]["LogGroup"] == f"/aws/lambda/anchor-local-{name}"
    # The functions of a site run untrusted code, so they have no permission to write traces.
    assert config["TracingConfig"]["Mode"] == ("Active" if name in FUNCTIONS else "PassThrough")
    assert {"Project", "Stage", "Component"} <= set(found["Tags"])


@pytest.mark.usefixtures("deployed")
def test_each_kms_key_signs_or_encrypts_and_encryption_keys_are_rotated(running_emulator: Emulator) -> None:
    kms = running_emulator.client("kms")
    keys = {
        alias["AliasName"].removeprefix("alias/anchor-local-"): kms.describe_key(KeyId=alias["AliasName"])
        for alias in kms.list_aliases()["Aliases"]
        if alias["AliasName"].startswith("alias/anchor-local-")
    }
    kinds = {
        name: (key["KeyMetadata"]["KeySpec"], key["KeyMetadata"]["KeyUsage"]) for name, key in keys.items()
    }
    signing, encrypting = ("HMAC_256", "GENERATE_VERIFY_MAC"), ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    assert {name for name, kind in kinds.items() if kind == signing} == {
        "signing",
        "image-cursors",
        "shop-cursors",
    }
    encryption = {name for name, kind in kinds.items() if kind == encrypting}
    assert encryption == {"secrets", "shop-tokens"}
    for name in encryption:
        status = kms.get_key_rotation_status(KeyId=keys[name]["KeyMetadata"]["KeyId"])
        assert status["KeyRotationEnabled"] is True


@pytest.mark.usefixtures("deployed")
def test_a_build_has_a_small_machine_and_a_timeout_of_half_an_hour(running_emulator: Emulator) -> None:
    """Requirement P5."""
    (project,) = running_emulator.client("codebuild").batch_get_projects(
        names=["anchor-local-site-next-site-build"]
    )["projects"]
    assert project["environment"]["computeType"] == "BUILD_GENERAL1_SMALL"
    assert project["timeoutInMinutes"] == 30
    assert "version: 0.2" in project["source"]["buildspec"]
    assert project["cache"]["type"] != ""
    logs = project["logsConfig"]
    assert (logs["cloudWatchLogs"]["status"], logs["s3Logs"]["status"]) == ("ENABLED", "ENABLED")
