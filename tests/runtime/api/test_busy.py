"""Q1: the API answers a temporary refusal by AWS with status 503. A permanent refusal raises an error."""

import json

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from runtime.deploy.handlers import api
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import OWNER, Platform

NEW = {"name": "My site", "site": "next-site", "repositoryUrl": "https://github.com/owner/name"}
BUSY = [
    ({"Code": "ThrottlingError"}, {"Code": "None"}),
    ({"Code": "TransactionConflict"}, {"Code": "ProvisionedThroughputExceeded"}),
    ({"Code": "None"}, {"Code": "RequestLimitExceeded"}),
]


@pytest.mark.parametrize("reasons", BUSY)
def test_a_throttled_transaction_is_answered_with_retry_later(
    platform: Platform, reasons: tuple[dict[str, str], ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Q1: the body and the header of the response ask for a retry. AWS's error message is only logged."""
    platform.declare_site("next-site")
    error = make_client_error("TransactionCanceledException", "TransactWriteItems", "its reasons")
    error.response["CancellationReasons"] = [*reasons]  # type: ignore[typeddict-unknown-key]

    def throttle_call(operation: str) -> None:
        if operation == "transact_write_items":
            raise error

    platform.calls.before = throttle_call
    response = api.handle_event(
        make_api_event("POST /projects", user_id=OWNER, body=NEW), platform.project_service
    )
    assert (response["statusCode"], response["headers"]["retry-after"]) == (503, "5")
    assert json.loads(response["body"])["detail"].startswith("the platform is busy: try again")
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["level"], line["requestId"]) == ("ERROR", "request-1")
    assert "its reasons" in line["error"]
    assert "transact_write_items" in line["trace"]


def test_throttling_of_any_service_is_answered_as_unavailable(platform: Platform) -> None:
    """Q1: the API answers with status 503, too, if its call of DynamoDB or SSM times out."""
    project = platform.create_project()
    body = {"variables": [{"name": "AA", "value": "secret", "isSecret": True}]}
    for operation in ("get_item", "put_parameter", "update_item"):

        def time_out_call(called: str, busy: str = operation) -> None:
            if called == busy:
                raise ReadTimeoutError(endpoint_url="https://aws.example.com")

        platform.calls.before = time_out_call
        event = make_api_event(
            "PUT /projects/{projectId}/env", user_id=OWNER, body=body, projectId=project.project_id
        )
        response = api.handle_event(event, platform.project_service)
        title = json.loads(response["body"])["title"]
        assert (response["statusCode"], title) == (503, "Service Unavailable"), operation


def test_a_permanent_refusal_by_aws_raises_an_error(platform: Platform) -> None:
    """Q1: a missing permission is an error of the platform, which raises an alarm."""

    def deny_call(_: str) -> None:
        raise make_client_error("AccessDeniedException")

    platform.calls.before = deny_call
    with pytest.raises(ClientError, match="AccessDenied"):
        api.handle_event(make_api_event("GET /projects", user_id=OWNER), platform.project_service)
