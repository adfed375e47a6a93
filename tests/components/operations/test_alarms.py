"""Alerts, alarms and the dashboard: who is told what, and that it does not grow with the sites (Q2)."""

import json
from typing import Any

import pytest

from components.core.errors import DeclarationError
from components.operations.alarms import _described
from runtime.deploy.builds.build_event import BUILD_ENDED, BUILDS_WAIT, CODEBUILD_FULL
from runtime.deploy.model import Status
from runtime.deploy.repositories.deployment_rows import LEASES
from tests.components.recorder import Recorded, Recording, configuration, recording

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
# CloudWatch's quotas for dashboards.
WIDGETS, METRICS_ON_A_GRAPH, METRICS_ON_A_DASHBOARD, SEARCH = 500, 500, 2500, 1024


def alarm(name: str, stage: str = "dev") -> Recorded:
    return recording(stage).one(ALARM, name)


def filters_of(metric: str | None = None) -> list[dict[str, Any]]:
    """The log filters behind a metric, or all."""
    found = [one.inputs for one in recording("dev").of("aws:cloudwatch/logMetricFilter:LogMetricFilter")]
    return [each for each in found if metric in {None, each["metricTransformation"]["name"]}]


def widgets(recorded: Recording) -> list[dict[str, Any]]:
    (dashboard,) = recorded.of("aws:cloudwatch/dashboard:Dashboard")
    return json.loads(dashboard.inputs["dashboardBody"])["widgets"]


def test_everyone_is_mailed_from_both_regions() -> None:
    """CloudFront's metrics are in us-east-1 alone, and an alarm tells topics of its own region only."""
    recorded = recording("production")
    told = {(one.inputs.get("region"), one.inputs["endpoint"]) for one in recorded.of(SUBSCRIPTION)}
    assert told == {
        (region, address)
        for region in (None, "us-east-1")
        for address in ("ops@example.com", "on-call@example.com")
    }
    assert {one.inputs["protocol"] for one in recorded.of(SUBSCRIPTION)} == {"email"}


def test_without_addresses_nobody_is_mailed() -> None:
    assert "alertEmails" not in configuration("local")["anchor-deploy:stage"]
    assert not recording("local").of(SUBSCRIPTION)
    assert len(recording("local").of(TOPIC)) == 2


def test_only_alarms_of_the_stage_publish() -> None:
    for topic in recording("dev").of(TOPIC):
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
def test_one_dead_letter_rings_and_is_told_how_to_try_it_again(queue: str, remedy: str) -> None:
    """P4: SQS moves back what came from a queue, but nothing that Lambda put among the dead letters."""
    inputs = alarm(f"{queue}-dead").inputs
    assert inputs["dimensions"] == {"QueueName": f"anchor-dev-{queue}-dead"}
    assert (inputs["comparisonOperator"], inputs["threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    told = [word for word in ("redrive", "requestPayload") if word in inputs["alarmDescription"]]
    assert told == [remedy]


@pytest.mark.parametrize(("kind", "metric"), [("errors", "Errors"), ("throttles", "Throttles")])
def test_one_error_and_one_throttle_of_a_platform_function_ring(kind: str, metric: str) -> None:
    inputs = alarm(f"webhook-{kind}").inputs
    assert (inputs["namespace"], inputs["metricName"], inputs["statistic"]) == ("AWS/Lambda", metric, "Sum")
    assert inputs["dimensions"] == {"FunctionName": "anchor-dev-webhook"}
    assert (inputs["threshold"], inputs["period"]) == (1, 300)


@pytest.mark.parametrize("api", ["platform", "images"])
def test_errors_of_an_api_ring(api: str) -> None:
    inputs = alarm(f"{api}-api-5xx").inputs
    assert (inputs["namespace"], inputs["metricName"], inputs["threshold"]) == ("AWS/ApiGateway", "5xx", 5)


@pytest.mark.parametrize("distribution", ["edge", "images"])
def test_the_edge_rings_where_its_metrics_are(distribution: str) -> None:
    inputs = alarm(f"{distribution}-5xx").inputs
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


def test_builds_ring_when_most_of_many_fail() -> None:
    """One site's broken code is its owner's: it makes no five failures an hour, nor half of all builds."""
    inputs = alarm("builds-failed").inputs
    percent, failed, ended = inputs["metricQueries"]
    assert percent["expression"] == "IF(failed >= 5, 100 * failed / ended, 0)"
    assert (failed["id"], ended["id"], inputs["threshold"]) == ("failed", "ended", 50)
    filters = {each["metricTransformation"]["name"]: each for each in filters_of()}
    assert filters["BuildsEnded"]["metricTransformation"]["value"] == "1"
    for query in (failed, ended):
        counted = filters[query["metric"]["metricName"]]
        assert counted["metricTransformation"]["namespace"] == query["metric"]["namespace"] == "Anchor/dev"
        assert counted["logGroupName"] == "/aws/lambda/anchor-dev-build-events"
        assert f'$.message = "{BUILD_ENDED}"' in counted["pattern"]
    assert '$.status = "failed"' in filters["BuildsFailed"]["pattern"]


def test_builds_that_wait_for_longer_than_any_may_take_ring() -> None:
    """P8, Q2: the longest, of what the sweep logs while any waits, and of what CodeBuild refuses."""
    inputs = alarm("builds-waiting").inputs
    counted = filters_of("LongestWait")
    assert {each["logGroupName"]: each["pattern"] for each in counted} == {
        "/aws/lambda/anchor-dev-sweep": f'{{ $.message = "{BUILDS_WAIT}" }}',
        "/aws/lambda/anchor-dev-orchestrator": f'{{ $.message = "{CODEBUILD_FULL}" }}',
    }
    assert {each["metricTransformation"]["value"] for each in counted} == {"$.seconds"}
    assert inputs["statistic"] == "Maximum"
    # A deployment that waits is looked at every five minutes: a period without a line is one without waiting.
    assert (inputs["threshold"], inputs["period"]) == (30 * 60, 15 * 60)
    assert inputs["period"] >= 2 * LEASES[Status.QUEUED].total_seconds()


def test_a_quota_of_codebuild_that_is_lower_than_the_setting_rings() -> None:
    """P8, Q2: whether CodeBuild refuses a build or lets it wait itself, where chance decides who is next."""
    inputs = alarm("codebuild-full").inputs
    assert (inputs["statistic"], inputs["threshold"]) == ("Sum", 1)
    assert {each["logGroupName"]: each["pattern"] for each in filters_of("CodeBuildFull")} == {
        "/aws/lambda/anchor-dev-orchestrator": f'{{ $.message = "{CODEBUILD_FULL}" }}',
        "/aws/lambda/anchor-dev-build-events": f'{{ $.message = "{BUILD_ENDED}" && $.queued >= 60 }}',
    }


def test_every_metric_of_the_builds_is_the_stages_own() -> None:
    namespaces = {each["metricTransformation"]["namespace"] for each in filters_of()}
    assert namespaces == {"Anchor/dev"}
    for name in ("builds-waiting", "codebuild-full"):
        assert alarm(name).inputs["namespace"] == "Anchor/dev"


def test_every_metric_of_a_ratio_alarm_has_the_period_of_the_others() -> None:
    """CloudWatch refuses an alarm whose queries differ in it."""
    for one in recording("dev").of(ALARM):
        periods = {
            query["metric"]["period"] for query in one.inputs.get("metricQueries", []) if query.get("metric")
        }
        assert len(periods) <= 1, one.urn


def test_the_dashboard_stays_within_cloudwatchs_limits() -> None:
    """For any number of sites: what is of sites is searched, and of what is found the highest is drawn.

    `test_contracts.py` shows that more sites do not change it.
    """
    shown = widgets(recording("staging"))
    graphs = [widget["properties"] for widget in shown if widget["type"] == "metric"]
    assert len(shown) <= WIDGETS
    assert all(len(graph["metrics"]) <= METRICS_ON_A_GRAPH for graph in graphs)
    searches = [
        metric[0]["expression"]
        for graph in graphs
        for metric in graph["metrics"]
        if isinstance(metric[0], dict)
    ]
    drawn = sum(len(graph["metrics"]) for graph in graphs) + 20 * len(searches)
    assert drawn <= METRICS_ON_A_DASHBOARD
    assert len(searches) == 8
    for search in searches:
        assert search.startswith("SORT(SEARCH('{AWS/")
        assert search.endswith("DESC, 20)")
        assert "anchor staging" in search
        assert len(search) <= SEARCH


def test_the_dashboard_shows_every_alarm_of_the_region() -> None:
    shown = next(widget for widget in widgets(recording("dev")) if widget["type"] == "alarm")
    regional = {
        f"arn:aws:cloudwatch:ap-southeast-1:123456789012:alarm:{one.inputs['name']}"
        for one in recording("dev").of(ALARM)
        if "region" not in one.inputs
    }
    assert set(shown["properties"]["alarms"]) == regional
    assert len(regional) <= 100


def test_every_graph_says_its_region_and_names_what_it_shows() -> None:
    for widget in widgets(recording("dev")):
        if widget["type"] == "metric":
            graph = widget["properties"]
            cloudfront = any(metric[0] == "AWS/CloudFront" for metric in graph["metrics"])
            assert graph["region"] == ("us-east-1" if cloudfront else "ap-southeast-1")
            assert graph["title"]


def test_a_description_that_cloudwatch_would_refuse_is_refused() -> None:
    with pytest.raises(DeclarationError, match="alarm 'long' has 1025 characters; CloudWatch allows 1024"):
        _described("long", "x" * 1025)
