"""Alarms, their recipients and the dashboard (Q2)."""

import json
from typing import Any

import pytest

from components.core.errors import DeclarationError
from components.operations.alarms import _check_description
from runtime.deploy.builds.build_event import BUILD_ENDED, BUILDS_WAIT, CODEBUILD_FULL
from runtime.deploy.model import EDGE_STORE_MEASURED, Status
from runtime.deploy.releases.upload_failures import CONNECTIONS, PRESIGNED_UPLOADS_FAILED
from runtime.deploy.repositories.deployment_rows import LEASES
from tests.components.recorder import Recorded, Recording, get_recording, read_configuration

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
# CloudWatch's quotas for dashboards. The last one limits the characters of a search expression.
MAX_WIDGETS, MAX_METRICS_ON_A_GRAPH, MAX_METRICS_ON_A_DASHBOARD, MAX_SEARCH_LENGTH = 500, 500, 2500, 1024


def read_alarm(name: str, stage: str = "dev") -> Recorded:
    return get_recording(stage).find_resource(ALARM, name)


def read_metric_filters(metric: str | None = None) -> list[dict[str, Any]]:
    """Return the metric filters of a metric, or all metric filters."""
    found = [
        one.inputs
        for one in get_recording("dev").find_by_type("aws:cloudwatch/logMetricFilter:LogMetricFilter")
    ]
    return [each for each in found if metric in {None, each["metricTransformation"]["name"]}]


def read_widgets(recorded: Recording) -> list[dict[str, Any]]:
    (dashboard,) = recorded.find_by_type("aws:cloudwatch/dashboard:Dashboard")
    return json.loads(dashboard.inputs["dashboardBody"])["widgets"]


def test_every_address_is_subscribed_in_both_regions() -> None:
    """CloudFront's metrics are in us-east-1, and an alarm can use only topics of its own region."""
    recorded = get_recording("production")
    subscribed = {
        (one.inputs.get("region"), one.inputs["endpoint"]) for one in recorded.find_by_type(SUBSCRIPTION)
    }
    assert subscribed == {
        (region, address)
        for region in (None, "us-east-1")
        for address in ("ops@example.com", "on-call@example.com")
    }
    assert {one.inputs["protocol"] for one in recorded.find_by_type(SUBSCRIPTION)} == {"email"}


def test_a_stage_without_addresses_has_no_subscriptions() -> None:
    assert "alertEmails" not in read_configuration("local")["anchor-deploy:stage"]
    assert not get_recording("local").find_by_type(SUBSCRIPTION)
    assert len(get_recording("local").find_by_type(TOPIC)) == 2


def test_only_alarms_of_the_stage_may_publish() -> None:
    for topic in get_recording("dev").find_by_type(TOPIC):
        region = topic.inputs.get("region", "ap-southeast-1")
        allowing, denying = json.loads(topic.inputs["policy"])["Statement"]
        assert allowing["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert allowing["Resource"] == f"arn:aws:sns:{region}:123456789012:anchor-dev-alarms"
        assert allowing["Condition"] == {
            "StringEquals": {"aws:SourceAccount": "123456789012"},
            "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{region}:123456789012:alarm:anchor-dev-*"},
        }
        assert denying["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(("queue", "remedy"), [("builds", "redrive"), ("images-uploads", "requestPayload")])
def test_one_dead_letter_raises_an_alarm_with_the_remedy(queue: str, remedy: str) -> None:
    """P4: SQS can redrive messages that came from a queue, but not messages that Lambda sent."""
    inputs = read_alarm(f"{queue}-dead").inputs
    assert inputs["dimensions"] == {"QueueName": f"anchor-dev-{queue}-dead"}
    assert (inputs["comparisonOperator"], inputs["threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    remedies = [word for word in ("redrive", "requestPayload") if word in inputs["alarmDescription"]]
    assert remedies == [remedy]


@pytest.mark.parametrize(("kind", "metric"), [("errors", "Errors"), ("throttles", "Throttles")])
def test_one_error_or_throttle_of_a_platform_function_raises_an_alarm(kind: str, metric: str) -> None:
    inputs = read_alarm(f"webhook-{kind}").inputs
    assert (inputs["namespace"], inputs["metricName"], inputs["statistic"]) == ("AWS/Lambda", metric, "Sum")
    assert inputs["dimensions"] == {"FunctionName": "anchor-dev-webhook"}
    assert (inputs["threshold"], inputs["period"]) == (1, 300)


def test_a_call_that_lambda_drops_as_recursive_raises_an_alarm() -> None:
    """P4, Q2: only a function that SQS or S3 calls can be part of a recursive chain of calls."""
    dropped = {
        alarm.inputs["dimensions"]["FunctionName"]: alarm.inputs
        for alarm in get_recording("dev").find_by_type(ALARM)
        if alarm.inputs.get("metricName") == "RecursiveInvocationsDropped"
    }
    assert dropped.keys() == {"anchor-dev-orchestrator", "anchor-dev-release", "anchor-dev-images-uploaded"}
    for inputs in dropped.values():
        assert (inputs["namespace"], inputs["statistic"], inputs["threshold"]) == ("AWS/Lambda", "Sum", 1)


@pytest.mark.parametrize("api", ["platform", "images"])
def test_errors_of_an_api_raise_an_alarm(api: str) -> None:
    inputs = read_alarm(f"{api}-api-5xx").inputs
    assert (inputs["namespace"], inputs["metricName"], inputs["threshold"]) == ("AWS/ApiGateway", "5xx", 5)


@pytest.mark.parametrize("distribution", ["edge", "images"])
def test_alarms_of_distributions_are_in_the_region_of_their_metrics(distribution: str) -> None:
    inputs = read_alarm(f"{distribution}-5xx").inputs
    assert inputs["region"] == "us-east-1"
    percent, *metrics = inputs["metricQueries"]
    assert (percent["expression"], percent["returnData"]) == ("IF(requests > 100, share, 0)", True)
    assert {query["id"]: query["metric"]["metricName"] for query in metrics} == {
        "requests": "Requests",
        "share": "5xxErrorRate",
    }
    for query in metrics:
        assert query["metric"]["dimensions"].keys() == {"DistributionId", "Region"}
        assert query["metric"]["dimensions"]["Region"] == "Global"


def test_an_alarm_is_raised_when_many_builds_fail() -> None:
    """The alarm is raised if at least five builds, and more than half of all ended builds, fail in an hour.

    Broken code of a single site does not reach both limits.
    """
    inputs = read_alarm("builds-failed").inputs
    percent, failed, ended = inputs["metricQueries"]
    assert percent["expression"] == "IF(failed >= 5, 100 * failed / ended, 0)"
    assert (failed["id"], ended["id"], inputs["threshold"]) == ("failed", "ended", 50)
    filters = {each["metricTransformation"]["name"]: each for each in read_metric_filters()}
    assert filters["BuildsEnded"]["metricTransformation"]["value"] == "1"
    for query in (failed, ended):
        counted = filters[query["metric"]["metricName"]]
        assert counted["metricTransformation"]["namespace"] == query["metric"]["namespace"] == "Anchor/dev"
        assert counted["logGroupName"] == "/aws/lambda/anchor-dev-build-events"
        assert f'$.message = "{BUILD_ENDED}"' in counted["pattern"]
    assert '$.status = "failed"' in filters["BuildsFailed"]["pattern"]


def test_builds_that_wait_longer_than_the_build_timeout_raise_an_alarm() -> None:
    """P8, Q2: the alarm reads the maximum of the waiting times that the sweep and the orchestrator log."""
    inputs = read_alarm("builds-waiting").inputs
    counted = read_metric_filters("LongestWait")
    assert {each["logGroupName"]: each["pattern"] for each in counted} == {
        "/aws/lambda/anchor-dev-sweep": f'{{ $.message = "{BUILDS_WAIT}" }}',
        "/aws/lambda/anchor-dev-orchestrator": f'{{ $.message = "{CODEBUILD_FULL}" }}',
    }
    assert {each["metricTransformation"]["value"] for each in counted} == {"$.seconds"}
    assert inputs["statistic"] == "Maximum"
    # The sweep checks a waiting deployment every five minutes and logs its waiting time. A period of 15
    # minutes without a log line therefore means that no build waits.
    assert (inputs["threshold"], inputs["period"]) == (30 * 60, 15 * 60)
    assert inputs["period"] >= 2 * LEASES[Status.QUEUED].total_seconds()


def test_a_codebuild_quota_below_concurrent_builds_raises_an_alarm() -> None:
    """P8, Q2: if the quota is below the setting `concurrentBuilds`, CodeBuild refuses or queues builds."""
    inputs = read_alarm("codebuild-full").inputs
    assert (inputs["statistic"], inputs["threshold"]) == ("Sum", 1)
    assert {each["logGroupName"]: each["pattern"] for each in read_metric_filters("CodeBuildFull")} == {
        "/aws/lambda/anchor-dev-orchestrator": f'{{ $.message = "{CODEBUILD_FULL}" }}',
        "/aws/lambda/anchor-dev-build-events": f'{{ $.message = "{BUILD_ENDED}" && $.queued >= 60 }}',
    }


def test_presigned_uploads_that_s3_refuses_raise_an_alarm() -> None:
    """Q2: one denied upload, or more than `CONNECTIONS` failed uploads of one release, raises the alarm."""
    inputs = read_alarm("presigned-uploads").inputs
    assert (inputs["statistic"], inputs["threshold"]) == ("Sum", 1)
    (counted,) = read_metric_filters("PresignedUploadFailures")
    assert counted["logGroupName"] == "/aws/lambda/anchor-dev-release"
    lasting = f"($.denied > 0) || ($.failed > {CONNECTIONS})"
    assert counted["pattern"] == f'{{ ($.message = "{PRESIGNED_UPLOADS_FAILED}") && ({lasting}) }}'


def test_a_full_store_of_the_edge_raises_an_alarm() -> None:
    """X1, Q2: the alarm keeps its state between two measurements, because the store stays full."""
    inputs = read_alarm("edge-store-full").inputs
    assert (inputs["statistic"], inputs["threshold"]) == ("Maximum", 3_500_000)
    assert inputs["treatMissingData"] == "ignore"
    measured = read_metric_filters("EdgeStoreBytes")
    assert {each["logGroupName"] for each in measured} == {
        "/aws/lambda/anchor-dev-collect",
        "/aws/lambda/anchor-dev-release",
    }
    assert {each["metricTransformation"]["value"] for each in measured} == {"$.bytes"}
    assert {each["pattern"] for each in measured} == {f'{{ $.message = "{EDGE_STORE_MEASURED}" }}'}


def test_build_metrics_have_a_namespace_per_stage() -> None:
    namespaces = {each["metricTransformation"]["namespace"] for each in read_metric_filters()}
    assert namespaces == {"Anchor/dev"}
    for name in ("builds-waiting", "codebuild-full", "edge-store-full", "presigned-uploads"):
        assert read_alarm(name).inputs["namespace"] == "Anchor/dev"


def test_all_metrics_of_an_alarm_have_the_same_period() -> None:
    """CloudWatch refuses an alarm whose metrics have different periods."""
    for one in get_recording("dev").find_by_type(ALARM):
        periods = {
            query["metric"]["period"] for query in one.inputs.get("metricQueries", []) if query.get("metric")
        }
        assert len(periods) <= 1, one.urn


def test_the_dashboard_is_within_the_limits_of_cloudwatch() -> None:
    """The dashboard stays within the limits for any number of sites.

    Search expressions find the metrics of sites, and a graph shows only the 20 highest results.
    `test_contracts.py` shows that more sites do not change the dashboard.
    """
    shown = read_widgets(get_recording("staging"))
    graphs = [widget["properties"] for widget in shown if widget["type"] == "metric"]
    assert len(shown) <= MAX_WIDGETS
    assert all(len(graph["metrics"]) <= MAX_METRICS_ON_A_GRAPH for graph in graphs)
    searches = [
        metric[0]["expression"]
        for graph in graphs
        for metric in graph["metrics"]
        if isinstance(metric[0], dict)
    ]
    drawn = sum(len(graph["metrics"]) for graph in graphs) + 20 * len(searches)
    assert drawn <= MAX_METRICS_ON_A_DASHBOARD
    assert len(searches) == 8
    for search in searches:
        assert search.startswith("SORT(SEARCH('{AWS/")
        assert search.endswith("DESC, 20)")
        assert "anchor staging" in search
        assert len(search) <= MAX_SEARCH_LENGTH


def test_the_dashboard_shows_every_alarm_of_the_stages_region() -> None:
    shown = next(widget for widget in read_widgets(get_recording("dev")) if widget["type"] == "alarm")
    regional = {
        f"arn:aws:cloudwatch:ap-southeast-1:123456789012:alarm:{one.inputs['name']}"
        for one in get_recording("dev").find_by_type(ALARM)
        if "region" not in one.inputs
    }
    assert set(shown["properties"]["alarms"]) == regional
    assert len(regional) <= 100


def test_every_graph_has_a_region_and_a_title() -> None:
    for widget in read_widgets(get_recording("dev")):
        if widget["type"] == "metric":
            graph = widget["properties"]
            cloudfront = any(metric[0] == "AWS/CloudFront" for metric in graph["metrics"])
            assert graph["region"] == ("us-east-1" if cloudfront else "ap-southeast-1")
            assert graph["title"]


def test_a_long_alarm_description_is_refused() -> None:
    with pytest.raises(DeclarationError, match="alarm 'long' has 1025 characters; CloudWatch allows 1024"):
        _check_description("long", "x" * 1025)
