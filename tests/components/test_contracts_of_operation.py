"""What holds for every resource of every stage: parents, encryption, retention, and who watches (issue 3)."""

import re
from functools import cache

import pytest

from components.aws.package import CHECKOUT
from components.core.component import Component
from components.core.stage import STAGES
from policies.dead_letters import dead_letter_queues
from tests.components.recorder import Recorded, recording
from tests.components.resources import arguments, custom
from tests.policies.views import graph_of

every_stage = pytest.mark.parametrize("stage", STAGES)

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ENCRYPTING = re.compile("kms|encrypt|_sse_|sse_enabled")
# What can be given a key and is not, and why that is well.
WITHOUT_KEY = {
    "aws:cloudwatch/logGroup:LogGroup": "CloudWatch Logs encrypts every group with its own key",
    "aws:lambda/function:Function": "Lambda encrypts variables with its own key; no secret is in them",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "the key would be for its filter, and it has none",
    "aws:codebuild/project:Project": "the bucket encrypts; for CodeBuild's key readers would need a grant",
    "aws:s3/bucket:Bucket": "a resource of its own says it: buckets-are-encrypted of the policy pack",
    "aws:sns/topic:Topic": "alarms leave by mail; topics-are-encrypted of the policy pack has the reason",
}
# What fails for good there, and tells nobody.
NOT_WATCHED = {
    r"site-.*-revalidate-dead": "after a switch, what an older build had in its queue fails as it should"
}


@every_stage
def test_every_resource_stands_in_a_component(stage: str) -> None:
    """A resource beside the components would have neither their tags nor their protection."""
    by_urn = {resource.urn: resource for resource in recording(stage).resources}
    for resource in by_urn.values():
        chain = [resource]
        while chain[-1].parent:
            chain.append(by_urn[chain[-1].parent])
        assert all(not above.custom for above in chain[1:]), resource.urn
        assert not chain[-1].custom, resource.urn


@every_stage
def test_a_components_type_says_where_it_is_written(stage: str) -> None:
    """By its folder, its module, or both: `deploy_store` is `components/deploy/store.py`."""
    for token in {resource.type for resource in recording(stage).resources if not resource.custom}:
        prefix, module, name = token.split(":")
        (kind,) = [kind for kind in Component.__subclasses__() if kind.__name__ == name]
        package, room, file = kind.__module__.split(".")
        assert (prefix, package) == ("anchor", "components")
        assert module in {room, file, f"{room}_{file}"}


@every_stage
def test_what_can_be_encrypted_is_or_has_its_reason(stage: str) -> None:
    """By the SDK's own signatures, so that a new type of resource is asked too."""
    for resource in custom(stage):
        possible = {name for name in arguments(resource.type) if ENCRYPTING.search(name)}
        chosen = possible & {snake(name) for name, value in resource.inputs.items() if value}
        assert not possible or chosen or resource.type in WITHOUT_KEY, resource.urn


def test_no_reason_is_left_over() -> None:
    assert {resource.type for stage in STAGES for resource in custom(stage)} >= WITHOUT_KEY.keys()


@every_stage
def test_what_keeps_something_for_a_time_says_for_how_long(stage: str) -> None:
    """By the SDK's own signatures: whatever has a retention, and of queues those of dead letters."""
    days = {"local": 1, "dev": 14, "staging": 30, "production": 365}
    for resource in custom(stage):
        for name in arguments(resource.type):
            if re.search("retention_(in|period)", name):
                assert resource.inputs[camel(name)] == days[stage], resource.urn
    dead = dead_letter_queues(graph_of(recording(stage)))
    for queue in recording(stage).of("aws:sqs/queue:Queue"):
        if queue.urn in dead:
            assert queue.inputs["messageRetentionSeconds"] == 14 * 24 * 3600, queue.urn


@every_stage
def test_every_bucket_forgets_uploads_that_never_ended(stage: str) -> None:
    """B3, B5."""
    rules = recording(stage).of("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    ends = {
        rule["abortIncompleteMultipartUpload"]["daysAfterInitiation"]
        for lifecycle in rules
        for rule in lifecycle.inputs["rules"]
        if "abortIncompleteMultipartUpload" in rule
    }
    assert len(rules) == len(recording(stage).of("aws:s3/bucket:Bucket"))
    assert ends == {1, 7}


@cache
def watched(stage: str) -> set[str]:
    """The URNs of everything whose metrics or logs an alarm is made of."""
    recorded = recording(stage)
    by_urn = {resource.urn: resource for resource in recorded.resources}
    alarms = recorded.of(ALARM) + recorded.of("aws:cloudwatch/logMetricFilter:LogMetricFilter")
    return {
        urn
        for alarm in alarms
        for by in ("dimensions", "metricQueries", "logGroupName")
        for urn in alarm.refers.get(by, ())
        if urn in by_urn
    }


@every_stage
def test_everything_of_the_platform_that_can_fail_is_watched(stage: str) -> None:
    """Q2: a function, an API, a distribution or a dead-letter queue that is new has to get its alarm."""
    recorded = recording(stage)
    dead = dead_letter_queues(graph_of(recorded))
    failing: list[Recorded] = [
        *recorded.of("aws:apigatewayv2/api:Api"),
        *recorded.of("aws:cloudfront/distribution:Distribution"),
        *(one for one in recorded.of("aws:lambda/function:Function") if not one.name.startswith("site-")),
        *(one for one in recorded.of("aws:sqs/queue:Queue") if one.urn in dead),
    ]
    for resource in failing:
        reason = next((why for name, why in NOT_WATCHED.items() if re.fullmatch(name, resource.name)), None)
        assert (resource.urn in watched(stage)) != bool(reason), resource.urn


@every_stage
def test_whatever_calls_a_function_by_itself_is_made_after_its_right_to(stage: str) -> None:
    """What comes in between would be lost, or answered with 500."""
    recorded = recording(stage)
    callers = [
        (each, each.inputs[named].replace(" ", ""))
        for kind, named in {
            "aws:cloudwatch/eventTarget:EventTarget": "rule",
            "aws:s3/bucketNotification:BucketNotification": "bucket",
            "aws:apigatewayv2/route:Route": "routeKey",
        }.items()
        for each in recorded.of(kind)
    ]
    rights = {each.urn: each for each in recorded.of("aws:lambda/permission:Permission")}
    for caller, source in callers:
        (right,) = (rights.pop(urn) for urn in caller.after & rights.keys())
        assert right.inputs["sourceArn"].endswith(source), caller.urn
    assert rights == {}


@every_stage
def test_every_alarm_tells_somebody_in_its_region_what_to_do(stage: str) -> None:
    """Q2."""
    topics = {topic.urn: topic for topic in recording(stage).of("aws:sns/topic:Topic")}
    for alarm in recording(stage).of(ALARM):
        for told in ("alarmActions", "okActions"):
            (topic,) = (topics[urn] for urn in alarm.refers[told] if urn in topics)
            assert topic.inputs.get("region") == alarm.inputs.get("region"), alarm.urn
        assert alarm.inputs["treatMissingData"] == "notBreaching", alarm.urn
        section = re.search(r"Runbook: docs/operations\.md#([a-z0-9-]+)$", alarm.inputs["alarmDescription"])
        assert section, alarm.urn
        assert section[1] in runbook_sections(), alarm.urn
        assert len(alarm.inputs["alarmDescription"]) > 200, alarm.urn


@cache
def runbook_sections() -> set[str]:
    """The sections of the runbook, as links name them."""
    titles = re.findall(r"^#+ (.+)$", (CHECKOUT / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {title.lower().replace(" ", "-") for title in titles}


def snake(name: str) -> str:
    return re.sub("([A-Z])", lambda found: f"_{found.group().lower()}", name)


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
