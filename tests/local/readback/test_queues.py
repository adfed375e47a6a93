"""Queues and the triggers of functions, read back and compared with the requirements (P4).

The emulator stores every property that these tests compare.
"""

import json
from typing import Any

import pytest

from local.emulator.emulator import Emulator

DAY = 86_400
# By queue: its visibility timeout in seconds, its function, and the timeout of the function in seconds.
QUEUES = {
    "builds": (1800, "orchestrator", 60),
    "releases.fifo": (1800, "release", 300),
    "site-next-site-revalidate.fifo": (180, "site-next-site-revalidate:live", 30),
}
# By queue: the number of batches that its function processes at the same time.
CONCURRENCY = dict.fromkeys(QUEUES, 10)
DEAD = ("builds-dead", "releases-dead.fifo", "site-next-site-revalidate-dead.fifo", "images-uploads-dead")


def read_attributes(emulator: Emulator, name: str) -> dict[str, Any]:
    sqs = emulator.client("sqs")
    url = sqs.get_queue_url(QueueName=f"anchor-local-{name}")["QueueUrl"]
    attributes: dict[str, Any] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {"Project", "Stage", "Component"} <= set(sqs.list_queue_tags(QueueUrl=url)["Tags"])
    return attributes


@pytest.mark.usefixtures("deployed")
def test_there_are_only_the_required_queues(running_emulator: Emulator) -> None:
    urls = running_emulator.client("sqs").list_queues()["QueueUrls"]
    assert {url.rpartition("/anchor-local-")[2] for url in urls} == {*QUEUES, *DEAD}


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_has_the_required_visibility_timeout_and_five_receives(
    running_emulator: Emulator, name: str
) -> None:
    """P4: the visibility timeout is at least six times the timeout of the function that reads the queue."""
    visibility, function, limit = QUEUES[name]
    attributes = read_attributes(running_emulator, name)
    assert attributes["VisibilityTimeout"] == str(visibility)
    assert attributes["SqsManagedSseEnabled"] == "true"
    base, dot, kind = name.partition(".")
    dead = f"{base}-dead{dot}{kind}"
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["maxReceiveCount"] == 5
    assert redrive["deadLetterTargetArn"].endswith(f":anchor-local-{dead}")
    described = running_emulator.client("lambda").get_function_configuration(
        FunctionName=f"anchor-local-{function.partition(':')[0]}"
    )
    assert described["Timeout"] == limit
    assert visibility >= 6 * limit


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("name", DEAD)
def test_a_dead_letter_is_kept_for_two_weeks(running_emulator: Emulator, name: str) -> None:
    attributes = read_attributes(running_emulator, name)
    assert attributes["MessageRetentionPeriod"] == str(14 * DAY)
    assert attributes["SqsManagedSseEnabled"] == "true"
    assert "RedrivePolicy" not in attributes


@pytest.mark.usefixtures("deployed")
def test_each_queue_has_one_function_that_reports_failed_messages(running_emulator: Emulator) -> None:
    mappings = running_emulator.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    found = {
        mapping["EventSourceArn"].rpartition(":anchor-local-")[2]: mapping["FunctionArn"].rpartition(
            ":function:anchor-local-"
        )[2]
        for mapping in mappings
    }
    assert found == {name: function for name, (_, function, _) in QUEUES.items()}
    for mapping in mappings:
        assert (mapping["State"], mapping["FunctionResponseTypes"]) == (
            "Enabled",
            ["ReportBatchItemFailures"],
        )
        name = mapping["EventSourceArn"].rpartition(":anchor-local-")[2]
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": CONCURRENCY[name]}


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(("function", "setting"), [("orchestrator", "Allow"), ("release", "Terminate")])
def test_only_the_orchestrator_may_call_itself_by_messages(
    running_emulator: Emulator, function: str, setting: str
) -> None:
    """Requirement P4."""
    name = f"anchor-local-{function}"
    answer = running_emulator.client("lambda").get_function_recursion_config(FunctionName=name)
    assert answer["RecursiveLoop"] == setting


@pytest.mark.usefixtures("deployed")
def test_a_failed_upload_event_is_retried_twice_and_kept_as_a_dead_letter(running_emulator: Emulator) -> None:
    client = running_emulator.client("lambda")
    config = client.get_function_event_invoke_config(FunctionName="anchor-local-images-uploaded")
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, DAY // 4)
    destination = config["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination.endswith(":anchor-local-images-uploads-dead")
