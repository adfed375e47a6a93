"""P4: each function that can call itself, directly or through other functions, allows recursive loops.

Without this setting, Lambda drops the next call when a chain of such calls becomes too long.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from components.aws.function import Function
from components.aws.queue import Queue, QueueArgs
from components.core.grants import Grant
from policies.documents import read_statements
from tests.components.aws.test_function import make_python_function
from tests.components.recorder import Recording, generate_outputs, get_recording, record_program
from tests.components.stages import STAGES, make_scope
from tests.policies.views import build_graph

FUNCTION = "aws:lambda/function:Function"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
SETTING = "aws:lambda/functionRecursionConfig:FunctionRecursionConfig"
# The actions with which a function can continue a chain of calls. Lambda follows chains through SQS, SNS, S3
# and its own API. EventBridge and DynamoDB streams start new chains.
SENDING = {"lambda:InvokeFunction", "s3:PutObject", "sns:Publish", "sqs:SendMessage"}


def find_recursive_functions(recorded: Recording) -> set[str]:
    """Return the names of the functions that can be called again as a result of their own call."""
    calls = {name: set(_find_called_functions(recorded, name)) for name in _list_function_names(recorded)}
    return {name for name, called in calls.items() if name in _find_reachable(called, calls)}


def _list_function_names(recorded: Recording) -> set[str]:
    return {function.inputs["name"] for function in recorded.find_by_type(FUNCTION)}


def _find_reachable(start: set[str], calls: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = set(start)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= calls[name] - reached
    return reached


def _find_called_functions(recorded: Recording, caller: str) -> Iterator[str]:
    """Yield the functions that `caller` can trigger with the permissions of its role."""
    for target in _find_send_targets(recorded, caller):
        for source, function in _list_triggers(recorded):
            if _patterns_overlap(target, source):
                yield function


def _find_send_targets(recorded: Recording, caller: str) -> Iterator[str]:
    """Yield the ARN patterns to which the role of a function may send."""
    for policy in build_graph(recorded).find_by_type("aws:iam/rolePolicy:RolePolicy"):
        if policy.get("role") == caller:
            for statement in read_statements(policy):
                if any(fnmatchcase(sending, action) for action in statement.actions for sending in SENDING):
                    yield from statement.resources


def _list_triggers(recorded: Recording) -> Iterator[tuple[str, str]]:
    """Yield each trigger (the ARN pattern of a queue, topic, objects or function) and its function."""
    for mapping in recorded.find_by_type(MAPPING):
        yield mapping.inputs["eventSourceArn"], _parse_function_name(mapping.inputs["functionName"])
    for notification in recorded.find_by_type(NOTIFICATION):
        for target in notification.inputs["lambdaFunctions"]:
            objects = f"arn:aws:s3:::{notification.inputs['bucket']}/{target.get('filterPrefix', '')}*"
            yield objects, _parse_function_name(target["lambdaFunctionArn"])
    for subscription in recorded.find_by_type(SUBSCRIPTION):
        if subscription.inputs["protocol"] == "lambda":
            yield subscription.inputs["topic"], _parse_function_name(subscription.inputs["endpoint"])
    for function in recorded.find_by_type(FUNCTION):
        yield generate_outputs(FUNCTION, function.inputs["name"])["arn"], function.inputs["name"]


def _parse_function_name(arn: str) -> str:
    """Return the name of the function in the ARN of a function or of a function's alias."""
    found = re.search(r":function:([^:]+)", arn)
    assert found, arn
    return found[1]


def _patterns_overlap(first: str, second: str) -> bool:
    """Return whether two ARNs or ARN patterns can match the same resource."""
    heads = first.partition("*")[0], second.partition("*")[0]
    if "*" in first and "*" in second:
        return heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
    return fnmatchcase(first, second) or fnmatchcase(second, first)


@pytest.mark.parametrize("stage", STAGES)
def test_exactly_the_recursive_functions_allow_recursive_loops(stage: str) -> None:
    recorded = get_recording(stage)
    allowed = {
        each.inputs["functionName"]: each.inputs["recursiveLoop"] for each in recorded.find_by_type(SETTING)
    }
    assert set(allowed.values()) <= {"Allow"}
    assert find_recursive_functions(recorded) == allowed.keys()


def _record_two_functions(first_sends_to: str, second_sends_to: str) -> Recording:
    """Record the functions `a` and `b`. Each reads the queue of its name and may send to the given queue."""

    def define_resources() -> None:
        queues = {
            name: Queue(name, QueueArgs(scope=make_scope(), visibility_timeout=60))
            for name in ("a", "b", "c")
        }
        for name, target in (("a", first_sends_to), ("b", second_sends_to)):
            grants: tuple[Grant, ...] = (queues[name].grant_consume(), queues[target].grant_send())
            function: Function = make_python_function(name, grants=grants)
            function.consume(queues[name], max_concurrency=2)

    return record_program(define_resources)


@pytest.mark.parametrize(
    ("targets", "recursive"),
    [
        (("a", "c"), {"anchor-dev-a"}),
        (("b", "a"), {"anchor-dev-a", "anchor-dev-b"}),
        (("b", "c"), set[str]()),
        (("b", "b"), {"anchor-dev-b"}),
    ],
)
def test_a_cycle_of_queues_is_found(targets: tuple[str, str], recursive: set[str]) -> None:
    assert find_recursive_functions(_record_two_functions(*targets)) == recursive


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("arn:aws:s3:::images/uploads/*", "arn:aws:s3:::images/uploads/*", True),
        ("arn:aws:s3:::images/*", "arn:aws:s3:::images/uploads/*", True),
        ("arn:aws:s3:::images/delivered/*", "arn:aws:s3:::images/uploads/*", False),
        ("arn:aws:lambda:r:1:function:site-*", "arn:aws:lambda:r:1:function:site-a-server", True),
        ("arn:aws:lambda:r:1:function:site-*", "arn:aws:lambda:r:1:function:release", False),
        ("arn:aws:sqs:r:1:builds", "arn:aws:sqs:r:1:builds", True),
    ],
)
def test_patterns_that_match_the_same_resource_overlap(first: str, second: str, *, overlap: bool) -> None:
    assert _patterns_overlap(first, second) is overlap
    assert _patterns_overlap(second, first) is overlap
