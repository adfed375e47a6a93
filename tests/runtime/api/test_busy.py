"""Requests that AWS refuses for the moment, and those that it refuses for good (Q1)."""

import json

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from runtime.deploy.handlers import api
from tests.runtime.calls import client_error
from tests.runtime.events import request
from tests.runtime.platform_fixture import OWNER, World

NEW = {"name": "My site", "site": "next-site", "repositoryUrl": "https://github.com/owner/name"}
BUSY = [
    ({"Code": "ThrottlingError"}, {"Code": "None"}),
    ({"Code": "TransactionConflict"}, {"Code": "ProvisionedThroughputExceeded"}),
    ({"Code": "None"}, {"Code": "RequestLimitExceeded"}),
]


@pytest.mark.parametrize("reasons", BUSY)
def test_a_transaction_that_dynamodb_throttles_is_to_be_repeated_later(
    world: World, reasons: tuple[dict[str, str], ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Q1: in the problem document, in its header, and with AWS's own words in the log alone."""
    world.declare("next-site")
    error = client_error("TransactionCanceledException", "TransactWriteItems", "its reasons")
    error.response["CancellationReasons"] = [*reasons]  # type: ignore[typeddict-unknown-key]

    def throttles(operation: str) -> None:
        if operation == "transact_write_items":
            raise error

    world.calls.before = throttles
    response = api.respond(request("POST /projects", user_id=OWNER, body=NEW), world.management)
    assert (response["statusCode"], response["headers"]["retry-after"]) == (503, "5")
    assert json.loads(response["body"])["detail"].startswith("the platform is busy: try again")
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["level"], line["requestId"]) == ("ERROR", "request-1")
    assert "its reasons" in line["error"]
    assert "transact_write_items" in line["trace"]


def test_every_service_that_a_request_needs_may_be_busy(world: World) -> None:
    """Whatever call it is: of DynamoDB, KMS, SSM, SQS."""
    project = world.project()
    body = {"variables": [{"name": "A", "value": "secret", "isSecret": True}]}
    for operation in ("get_item", "put_parameter", "update_item"):

        def times_out(called: str, busy: str = operation) -> None:
            if called == busy:
                raise ReadTimeoutError(endpoint_url="https://aws.example.com")

        world.calls.before = times_out
        event = request(
            "PUT /projects/{projectId}/env", user_id=OWNER, body=body, projectId=project.project_id
        )
        response = api.respond(event, world.management)
        title = json.loads(response["body"])["title"]
        assert (response["statusCode"], title) == (503, "Service Unavailable"), operation


def test_what_aws_refuses_for_good_fails_loudly(world: World) -> None:
    """A missing right is the platform's fault: an alarm, not an answer."""

    def denies(_: str) -> None:
        raise client_error("AccessDeniedException")

    world.calls.before = denies
    with pytest.raises(ClientError, match="AccessDenied"):
        api.respond(request("GET /projects", user_id=OWNER), world.management)
