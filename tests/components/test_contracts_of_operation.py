"""Requirements on operation for every resource: parents, encryption, retention and monitoring."""

import json
import re
from functools import cache

import pytest

from components.aws.package import CHECKOUT
from components.core.component import Component
from policies.dead_letters import find_dead_letter_queues
from tests.components.recorder import Recorded, get_recording
from tests.components.resources import list_argument_names, list_custom_resources
from tests.components.stages import STAGES
from tests.policies.views import build_graph

every_stage = pytest.mark.parametrize("stage", STAGES)

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ENCRYPTING = re.compile("kms|encrypt|_sse_|sse_enabled")
# Types that accept a customer KMS key but are declared without one, with the reason.
WITHOUT_KEY = {
    "aws:cloudwatch/logGroup:LogGroup": "CloudWatch Logs encrypts every group with its own key",
    "aws:lambda/function:Function": "Lambda encrypts variables with its own key",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "the key is for filters, and there are none",
    "aws:codebuild/project:Project": "the bucket encrypts artifacts; a CodeBuild key would need grants",
    "aws:s3/bucket:Bucket": "a separate resource sets the key; see the rule buckets-are-encrypted",
    "aws:s3/bucketObjectv2:BucketObjectv2": "the bucket encrypts its objects",
    "aws:sns/topic:Topic": "alarms are sent by mail; see the rule topics-are-encrypted",
}
# Metrics that count events. CloudWatch has no data for a period without an event, so missing data must end an
# alarm on such a metric.
COUNTED_EVENTS = {
    ("AWS/ApiGateway", "5xx"),
    ("AWS/CloudFront", "5xxErrorRate"),
    ("AWS/CloudFront", "Requests"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "RecursiveInvocationsDropped"),
    ("AWS/Lambda", "Throttles"),
    ("Anchor", "BuildsEnded"),
    ("Anchor", "BuildsFailed"),
    ("Anchor", "CodeBuildFull"),
    # A wait is logged at least every five minutes, and a period of the alarm is three times as long. So a
    # period without data means that no build waits.
    ("Anchor", "LongestWait"),
    ("Anchor", "PresignedUploadFailures"),
}
# Metrics that measure a level which can stay high while CloudWatch has no data.
MEASURED_LEVELS = {("AWS/SQS", "ApproximateNumberOfMessagesVisible"), ("Anchor", "EdgeStoreBytes")}
# Dead-letter queues without an alarm, with the reason.
NOT_MONITORED = {
    r"site-.*-revalidate-dead": "a revalidation runs code of the tenant, whose errors raise no alarm"
}


@every_stage
def test_every_resource_is_inside_a_component(stage: str) -> None:
    """A resource outside of components would have neither tags nor protection."""
    by_urn = {resource.urn: resource for resource in get_recording(stage).resources}
    for resource in by_urn.values():
        chain = [resource]
        while chain[-1].parent:
            chain.append(by_urn[chain[-1].parent])
        assert all(not above.custom for above in chain[1:]), resource.urn
        assert not chain[-1].custom, resource.urn


@every_stage
def test_the_type_of_a_component_names_its_module(stage: str) -> None:
    """The type contains the folder, the module, or both: `deploy_store` is `components/deploy/store.py`."""
    for token in {resource.type for resource in get_recording(stage).resources if not resource.custom}:
        prefix, module, name = token.split(":")
        (kind,) = [kind for kind in Component.__subclasses__() if kind.__name__ == name]
        package, folder, file = kind.__module__.split(".")
        assert (prefix, package) == ("anchor", "components")
        assert module in {folder, file, f"{folder}_{file}"}


@every_stage
def test_every_resource_is_encrypted_or_listed_as_an_exception(stage: str) -> None:
    """The test finds encryption arguments in the SDK's signatures, so that it covers new resource types."""
    for resource in list_custom_resources(stage):
        possible = {name for name in list_argument_names(resource.type) if ENCRYPTING.search(name)}
        chosen = possible & {to_snake_case(name) for name, value in resource.inputs.items() if value}
        assert not possible or chosen or resource.type in WITHOUT_KEY, resource.urn


def test_every_encryption_exception_applies_to_a_declared_type() -> None:
    """Each type in `WITHOUT_KEY` is used in at least one stage."""
    assert {
        resource.type for stage in STAGES for resource in list_custom_resources(stage)
    } >= WITHOUT_KEY.keys()


@every_stage
def test_retention_periods_follow_the_stage(stage: str) -> None:
    """The test finds retention arguments in the SDK's signatures, so that it covers new resource types.

    The period depends on the stage. Only dead-letter queues keep messages for 14 days in every stage.
    """
    days = {"local": 1, "dev": 14, "staging": 30, "production": 365}
    for resource in list_custom_resources(stage):
        for name in list_argument_names(resource.type):
            if re.search("retention_(in|period)", name):
                assert resource.inputs[to_camel_case(name)] == days[stage], resource.urn
    dead = find_dead_letter_queues(build_graph(get_recording(stage)))
    for queue in get_recording(stage).find_by_type("aws:sqs/queue:Queue"):
        if queue.urn in dead:
            assert queue.inputs["messageRetentionSeconds"] == 14 * 24 * 3600, queue.urn


@every_stage
def test_every_bucket_deletes_incomplete_uploads(stage: str) -> None:
    """Requirements B3 and B5."""
    rules = get_recording(stage).find_by_type(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    )
    ends = {
        rule["abortIncompleteMultipartUpload"]["daysAfterInitiation"]
        for lifecycle in rules
        for rule in lifecycle.inputs["rules"]
        if "abortIncompleteMultipartUpload" in rule
    }
    assert len(rules) == len(get_recording(stage).find_by_type("aws:s3/bucket:Bucket"))
    assert ends == {1, 7}


@every_stage
def test_objects_of_all_sizes_move_to_glacier(stage: str) -> None:
    """B3: S3's default moves no object below 128 KB, and nearly all build logs are smaller."""
    kind = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    for lifecycle in get_recording(stage).find_by_type(kind):
        assert lifecycle.inputs["transitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
        assert all(rule["filter"].keys() == {"prefix"} for rule in lifecycle.inputs["rules"])


@every_stage
def test_the_variables_of_a_function_fit_into_lambdas_limit(stage: str) -> None:
    """This test also counts values that AWS assigns, such as URLs of queues.

    The check in `PythonFunctionArgs` cannot count them: they are not known when a function is declared.
    """
    for function in get_recording(stage).find_by_type("aws:lambda/function:Function"):
        variables = function.inputs.get("environment", {}).get("variables", {})
        assert len(json.dumps(variables, separators=(",", ":"))) <= 4096, function.urn


@cache
def find_monitored_urns(stage: str) -> set[str]:
    """Return the URNs of all resources whose metrics or logs an alarm or a metric filter reads."""
    recorded = get_recording(stage)
    by_urn = {resource.urn: resource for resource in recorded.resources}
    alarms = recorded.find_by_type(ALARM) + recorded.find_by_type(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter"
    )
    return {
        urn
        for alarm in alarms
        for by in ("dimensions", "metricQueries", "logGroupName")
        for urn in alarm.references.get(by, ())
        if urn in by_urn
    }


@every_stage
def test_everything_that_can_fail_has_an_alarm(stage: str) -> None:
    """Q2: every function, API, distribution and dead-letter queue has an alarm, except those of sites."""
    recorded = get_recording(stage)
    dead = find_dead_letter_queues(build_graph(recorded))
    failing: list[Recorded] = [
        *recorded.find_by_type("aws:apigatewayv2/api:Api"),
        *recorded.find_by_type("aws:cloudfront/distribution:Distribution"),
        *(
            one
            for one in recorded.find_by_type("aws:lambda/function:Function")
            if not one.name.startswith("site-")
        ),
        *(one for one in recorded.find_by_type("aws:sqs/queue:Queue") if one.urn in dead),
    ]
    for resource in failing:
        reason = next((why for name, why in NOT_MONITORED.items() if re.fullmatch(name, resource.name)), None)
        assert (resource.urn in find_monitored_urns(stage)) != bool(reason), resource.urn


@every_stage
def test_triggers_are_created_after_the_permission_to_invoke(stage: str) -> None:
    """Without the permission, AWS would drop an event of the trigger, and would answer a request with 500."""
    recorded = get_recording(stage)
    callers = [
        (each, each.inputs[named].replace(" ", ""))
        for kind, named in {
            "aws:cloudwatch/eventTarget:EventTarget": "rule",
            "aws:s3/bucketNotification:BucketNotification": "bucket",
            "aws:apigatewayv2/route:Route": "routeKey",
        }.items()
        for each in recorded.find_by_type(kind)
    ]
    permissions = {each.urn: each for each in recorded.find_by_type("aws:lambda/permission:Permission")}
    for caller, source in callers:
        (permission,) = (permissions.pop(urn) for urn in caller.after & permissions.keys())
        assert permission.inputs["sourceArn"].endswith(source), caller.urn
    assert permissions == {}


@every_stage
def test_every_alarm_has_a_topic_in_its_region_and_a_runbook_section(stage: str) -> None:
    """Requirement Q2."""
    topics = {topic.urn: topic for topic in get_recording(stage).find_by_type("aws:sns/topic:Topic")}
    for alarm in get_recording(stage).find_by_type(ALARM):
        for actions in ("alarmActions", "okActions"):
            (topic,) = (topics[urn] for urn in alarm.references[actions] if urn in topics)
            assert topic.inputs.get("region") == alarm.inputs.get("region"), alarm.urn
        section = re.search(r"Runbook: docs/operations\.md#([a-z0-9-]+)$", alarm.inputs["alarmDescription"])
        assert section, alarm.urn
        assert section[1] in read_runbook_sections(), alarm.urn
        assert len(alarm.inputs["alarmDescription"]) > 200, alarm.urn


@every_stage
def test_missing_data_ends_an_alarm_only_if_its_metric_counts_events(stage: str) -> None:
    """Q2: for example, SQS reports no metrics of a dead-letter queue that nothing has used for six hours."""
    found: set[tuple[str, str]] = set()
    for alarm in get_recording(stage).find_by_type(ALARM):
        single = [alarm.inputs] if "metricName" in alarm.inputs else []
        queried = [query["metric"] for query in alarm.inputs.get("metricQueries", []) if "metric" in query]
        metrics = {
            (metric["namespace"].removesuffix(f"/{stage}"), metric["metricName"])
            for metric in single + queried
        }
        assert alarm.inputs["treatMissingData"] == (
            "notBreaching" if metrics <= COUNTED_EVENTS else "ignore"
        ), alarm.urn
        found |= metrics
    assert found == COUNTED_EVENTS | MEASURED_LEVELS


@cache
def read_runbook_sections() -> set[str]:
    """Return the anchors of the runbook's sections."""
    titles = re.findall(r"^#+ (.+)$", (CHECKOUT / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {title.lower().replace(" ", "-") for title in titles}


def to_snake_case(name: str) -> str:
    return re.sub("([A-Z])", lambda found: f"_{found.group().lower()}", name)


def to_camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
