"""A published version never changes, and has an alias. Every step of publishing can be repeated (D1, D4)."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import define, evolve, field
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from runtime.deploy.releases.bundles import FunctionCode
from runtime.deploy.releases.publishing import (
    FunctionBusyError,
    FunctionPublisher,
    FunctionRelease,
    PublishError,
    build_release_alias,
)
from tests.runtime.calls import Calls, make_client_error
from tests.runtime.releases.lambda_service import LambdaService

SECRET = "open sesame"
ZIPS = {f"{number}.zip": f"code {number}".encode() for number in range(4)}


def make_release(number: int, environment: Mapping[str, str] | None = None) -> FunctionRelease:
    digest = hashlib.sha256(ZIPS[f"{number}.zip"]).digest()
    return FunctionRelease(
        function="server",
        alias=f"r-{number}",
        code=FunctionCode(
            bucket="artifacts",
            key=f"{number}.zip",
            sha256=base64.b64encode(digest).decode(),
            upload=lambda: None,
        ),
        environment=environment or {"ANCHOR_DEPLOYMENT_ID": str(number), "TOKEN": SECRET},
    )


@define(slots=False)
class Harness:
    """A function publisher with a fake Lambda, whose calls a test can intercept."""

    service: LambdaService = field(factory=lambda: LambdaService(lambda _, key: ZIPS[key]))
    calls: Calls = field(factory=Calls)
    pauses: list[float] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.service.add_functions("server", "image", "revalidate")
        client: Any = self.calls.wrap_client("lambda", self.service)
        self.publisher = FunctionPublisher(client=client, pause=self.pauses.append)

    def run_before(self, operation: str, action: Callable[[], object]) -> None:
        """Run an action once, immediately before the next call of an operation."""
        waiting = [action]

        def act_if_called(called: str) -> None:
            if called == operation and waiting:
                waiting.pop()()

        self.calls.before = act_if_called

    def refuse(self, operation: str, error: Exception) -> None:
        def raise_error() -> None:
            raise error

        self.run_before(operation, raise_error)


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_a_release_is_a_version_of_code_and_variables_with_an_alias(harness: Harness) -> None:
    assert harness.publisher.ensure_version(make_release(1)) == "1"
    assert harness.publisher.ensure_version(make_release(2)) == "2"
    server = harness.service.functions["server"]
    assert server.aliases == {"r-1": "1", "r-2": "2"}
    for number in ("1", "2"):
        sha256, variables = server.versions[number]
        assert sha256 == make_release(int(number)).code.sha256
        assert variables == {"ANCHOR_DEPLOYMENT_ID": number, "TOKEN": SECRET}


def test_publishing_waits_until_each_change_is_done(harness: Harness) -> None:
    harness.service.settling = 5
    harness.publisher.ensure_version(make_release(1))
    assert harness.pauses[:4] == [0.05, 0.1, 0.2, 0.4]


def test_a_published_version_is_not_changed_again(harness: Harness) -> None:
    harness.publisher.ensure_version(make_release(1))
    with harness.calls.record_calls() as made:
        assert harness.publisher.ensure_version(make_release(1)) == "1"
    assert made == ["get_alias", "get_function_configuration"]


def test_a_release_begun_before_a_platform_update_gets_the_new_wrapper(
    harness: Harness,
) -> None:
    """E1. The wrapper decides which responses the edge shares, so each release needs the current wrapper."""
    server = harness.service.functions["server"]
    server.versions["1"], server.aliases["r-1"] = ("code with an older wrapper", {}), "1"
    server.descriptions["1"] = "r-1"
    assert harness.publisher.ensure_version(make_release(1)) == "2"
    assert server.aliases["r-1"] == "2"
    assert server.versions["2"][0] == make_release(1).code.sha256


def test_unchanged_code_and_variables_are_not_sent_again(harness: Harness) -> None:
    """Unchanged code is not uploaded to the bucket, and is not sent to Lambda, because this takes seconds."""
    harness.publisher.ensure_version(make_release(1))
    sent = list[str]()
    same_code = evolve(make_release(1), alias="r-2", environment={"ANCHOR_DEPLOYMENT_ID": "2"})
    same_code = evolve(same_code, code=evolve(same_code.code, upload=lambda: sent.append("zip")))
    with harness.calls.record_calls() as made:
        assert harness.publisher.ensure_version(same_code) == "2"
    assert (sent, "update_function_code" in made) == ([], False)
    same_variables = evolve(make_release(3), environment={"ANCHOR_DEPLOYMENT_ID": "2"})
    with harness.calls.record_calls() as made:
        assert harness.publisher.ensure_version(same_variables) == "3"
    assert "update_function_configuration" not in made
    assert harness.service.functions["server"].versions["3"] == (
        make_release(3).code.sha256,
        {"ANCHOR_DEPLOYMENT_ID": "2"},
    )


def test_new_code_is_uploaded_before_the_update_of_the_function(harness: Harness) -> None:
    order = list[str]()
    harness.run_before("update_function_code", lambda: order.append("update"))
    new = make_release(1)
    harness.publisher.ensure_version(evolve(new, code=evolve(new.code, upload=lambda: order.append("put"))))
    assert order == ["put", "update"]


def test_a_function_without_new_variables_keeps_its_variables(harness: Harness) -> None:
    alone = evolve(make_release(1), function="revalidate", environment=None)
    assert harness.publisher.ensure_version(alone) == "1"
    assert "update_function_configuration" not in harness.calls.operations
    same_code = evolve(alone, alias="r-2")
    assert harness.publisher.ensure_version(same_code) == "1"
    assert harness.service.functions["revalidate"].aliases == {"r-1": "1", "r-2": "1"}


def count_publishing_calls() -> int:
    """Return the number of Lambda calls that publish a function with a URL."""
    harness = Harness()
    harness.publisher.ensure_version(make_release(1))
    harness.publisher.ensure_url("server", "r-1")
    return len(harness.calls.operations)


@pytest.mark.parametrize("after", range(1, count_publishing_calls() + 1))
def test_a_repeated_release_completes_after_a_crash_at_any_call(harness: Harness, after: int) -> None:
    def publish_release() -> None:
        harness.publisher.ensure_version(make_release(1))
        harness.publisher.ensure_url("server", "r-1")

    assert harness.calls.crash_during(publish_release, after=after)
    assert harness.publisher.ensure_version(make_release(1)) in {"1", "2"}
    assert harness.publisher.ensure_url("server", "r-1") == "server-r-1.lambda-url.ap-southeast-1.on.aws"
    server = harness.service.functions["server"]
    sha256, variables = server.versions[server.aliases["r-1"]]
    assert sha256 == make_release(1).code.sha256
    assert variables["ANCHOR_DEPLOYMENT_ID"] == "1"


def finish_update(harness: Harness) -> None:
    function = harness.service.functions["server"]
    function.pending = 0
    function.revision += 1


def change_code(harness: Harness) -> None:
    finish_update(harness)
    harness.service.update_function_code(FunctionName="server", S3Bucket="artifacts", S3Key="3.zip")
    finish_update(harness)


def change_variables(harness: Harness) -> None:
    finish_update(harness)
    harness.service.update_function_configuration(
        FunctionName="server", Environment={"Variables": {"ANCHOR_DEPLOYMENT_ID": "3"}}
    )
    finish_update(harness)


@pytest.mark.parametrize("change", [change_code, change_variables])
@pytest.mark.parametrize(
    "before", ["update_function_configuration", "publish_version", "get_function_configuration"]
)
def test_a_change_by_another_process_is_detected_or_overwritten(
    harness: Harness, before: str, change: Callable[[Harness], None]
) -> None:
    harness.run_before(before, lambda: change(harness))
    try:
        version = harness.publisher.ensure_version(make_release(1))
    except FunctionBusyError as noticed:
        assert str(noticed) == "server was changed by another process during the release: try again"  # noqa: PT017
    except ClientError as noticed:
        assert "PreconditionFailedException" in str(noticed)  # noqa: PT017
    else:
        sha256, variables = harness.service.functions["server"].versions[version]
        assert (sha256, variables["ANCHOR_DEPLOYMENT_ID"]) == (make_release(1).code.sha256, "1")


def test_code_that_changed_before_publishing_is_never_published(harness: Harness) -> None:
    harness.run_before("update_function_configuration", lambda: change_code(harness))
    with pytest.raises(FunctionBusyError):
        harness.publisher.ensure_version(make_release(1))
    assert harness.service.functions["server"].versions == {}


def test_an_alias_that_another_process_creates_is_read_again(harness: Harness) -> None:
    server = harness.service.functions["server"]
    harness.run_before("create_alias", lambda: server.aliases.update({"r-1": "1"}))
    with pytest.raises(FunctionBusyError, match="another process created alias r-1 of server"):
        harness.publisher.ensure_version(make_release(1))
    assert harness.publisher.ensure_version(make_release(1)) == "1"


def test_a_failed_change_is_reported_with_lambdas_reason(harness: Harness) -> None:
    harness.service.changes_fail = "InvalidZipFileException"
    with pytest.raises(PublishError, match="Lambda could not change server: InvalidZipFileException"):
        harness.publisher.ensure_version(make_release(1))


@pytest.mark.parametrize("number", [1, 2])
def test_a_failed_change_does_not_prevent_a_later_one(harness: Harness, number: int) -> None:
    """Lambda reports the failure until the next change. The next change can contain the same code."""
    harness.service.changes_fail = "InternalError"
    with pytest.raises(PublishError):
        harness.publisher.ensure_version(make_release(1))
    harness.service.changes_fail = None
    assert harness.publisher.ensure_version(make_release(number)) == "1"
    assert harness.service.functions["server"].versions["1"][0] == make_release(number).code.sha256


def test_a_version_that_fails_to_start_is_reported(harness: Harness) -> None:
    harness.service.versions_fail = True
    with pytest.raises(PublishError, match="Lambda could not change server: no reason"):
        harness.publisher.ensure_version(make_release(1))


def test_a_throttled_read_of_a_function_is_retried_after_a_pause(harness: Harness) -> None:
    """All releases of an account share a quota of 15 Lambda API calls per second.

    The publisher repeats only the throttled read, not the release.
    """
    harness.refuse("get_function_configuration", make_client_error("TooManyRequestsException", "GetFunction"))
    assert harness.publisher.ensure_version(make_release(1)) == "1"
    assert harness.pauses[0] == 0.05


def test_a_change_that_never_ends_is_a_retryable_error(harness: Harness) -> None:
    harness.service.settling = 10**6
    with pytest.raises(FunctionBusyError, match="server is still changing"):
        harness.publisher.ensure_version(make_release(1))
    assert sum(harness.pauses) == pytest.approx(60, abs=1)


def test_a_function_url_is_public_and_streaming_and_has_two_permissions(harness: Harness) -> None:
    harness.publisher.ensure_version(make_release(1))
    assert harness.publisher.ensure_url("server", "r-1") == "server-r-1.lambda-url.ap-southeast-1.on.aws"
    server = harness.service.functions["server"]
    assert server.urls["r-1"]["AuthType"] == "NONE"
    assert server.urls["r-1"]["InvokeMode"] == "RESPONSE_STREAM"
    assert server.permissions == {
        ("r-1", "open-url"): {
            "Action": "lambda:InvokeFunctionUrl",
            "FunctionUrlAuthType": "NONE",
            "Principal": "*",
        },
        ("r-1", "by-url"): {
            "Action": "lambda:InvokeFunction",
            "InvokedViaFunctionUrl": True,
            "Principal": "*",
        },
    }


def test_an_existing_url_is_kept(harness: Harness) -> None:
    harness.publisher.ensure_version(make_release(1))
    first = harness.publisher.ensure_url("server", "r-1")
    assert harness.publisher.ensure_url("server", "r-1") == first


@pytest.mark.parametrize(
    "operation",
    [
        "get_alias",
        "get_function_configuration",
        "update_function_code",
        "publish_version",
        "create_alias",
        "create_function_url_config",
        "add_permission",
    ],
)
def test_other_errors_of_lambda_are_raised(harness: Harness, operation: str) -> None:
    harness.refuse(operation, make_client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        harness.publisher.ensure_url(
            "server", make_release(int(harness.publisher.ensure_version(make_release(1)))).alias
        )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (make_client_error("InvalidParameterValueException", message=f"measured: {SECRET}"), PublishError),
        (make_client_error("TooManyRequestsException", message=SECRET), FunctionBusyError),
        (ParamValidationError(report=f"invalid value: {SECRET}"), PublishError),
        (EndpointConnectionError(endpoint_url=SECRET), FunctionBusyError),
    ],
)
def test_an_error_about_variables_does_not_contain_their_values(
    harness: Harness, error: Exception, expected: type[Exception]
) -> None:
    """A4. Error messages of Lambda and botocore can contain the values of the refused variables."""
    harness.refuse("update_function_configuration", error)
    with pytest.raises(expected) as refused:
        harness.publisher.ensure_version(make_release(1))
    assert "server" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__
    assert SECRET not in repr(make_release(1))


def test_the_live_aliases_are_moved_and_the_first_release_creates_them(harness: Harness) -> None:
    for number in (1, 2):
        harness.publisher.ensure_version(make_release(number))
    harness.publisher.point_live_aliases(lambda: {"server": "1"})
    assert harness.service.functions["server"].aliases["live"] == "1"
    with harness.calls.record_calls() as made:
        harness.publisher.point_live_aliases(lambda: {"server": "2"})
    assert made == ["update_alias"]
    assert harness.service.functions["server"].aliases["live"] == "2"


def test_the_live_alias_follows_a_target_that_changes_during_the_move(harness: Harness) -> None:
    for number in (1, 2):
        harness.publisher.ensure_version(make_release(number))
    targets = iter(["1", "2", "2", "2"])
    harness.publisher.point_live_aliases(lambda: {"server": next(targets)})
    assert harness.service.functions["server"].aliases["live"] == "2"
    assert harness.pauses == [0.05]


def test_a_refused_move_of_the_live_alias_is_raised(harness: Harness) -> None:
    harness.refuse("update_alias", make_client_error("TooManyRequestsException"))
    with pytest.raises(ClientError, match="TooManyRequests"):
        harness.publisher.point_live_aliases(lambda: {"server": "1"})


def test_an_alias_has_a_name_that_lambda_allows() -> None:
    assert build_release_alias("01JB0000000000000000000000") == "r-01jb0000000000000000000000"
    assert json.dumps(build_release_alias("01JB"))
