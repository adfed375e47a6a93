"""D1, D4: versions never change; each has its alias and URL; every step can be repeated."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import define, evolve, field
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from runtime.deploy.releases.bundles import Code
from runtime.deploy.releases.publishing import (
    FunctionBusyError,
    FunctionPublisher,
    FunctionRelease,
    PublishError,
    release_alias,
)
from tests.runtime.calls import Calls, client_error
from tests.runtime.releases.lambda_service import LambdaService

SECRET = "open sesame"
ZIPS = {f"{number}.zip": f"code {number}".encode() for number in range(4)}


def release(number: int, environment: Mapping[str, str] | None = None) -> FunctionRelease:
    digest = hashlib.sha256(ZIPS[f"{number}.zip"]).digest()
    return FunctionRelease(
        function="server",
        alias=f"r-{number}",
        code=Code(
            bucket="artifacts",
            key=f"{number}.zip",
            sha256=base64.b64encode(digest).decode(),
            put=lambda: None,
        ),
        environment=environment or {"ANCHOR_DEPLOYMENT_ID": str(number), "TOKEN": SECRET},
    )


@define(slots=False)
class Bench:
    """A publisher, and the Lambda it works with."""

    service: LambdaService = field(factory=lambda: LambdaService(lambda _, key: ZIPS[key]))
    calls: Calls = field(factory=Calls)
    pauses: list[float] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.service.add("server", "image", "revalidate")
        client: Any = self.calls.client("lambda", self.service)
        self.publisher = FunctionPublisher(client=client, pause=self.pauses.append)

    def interfere(self, before: str, action: Callable[[], object]) -> None:
        """Do something else once, right before a call."""
        waiting = [action]

        def now(operation: str) -> None:
            if operation == before and waiting:
                waiting.pop()()

        self.calls.before = now

    def refuse(self, operation: str, error: Exception) -> None:
        def refuse() -> None:
            raise error

        self.interfere(operation, refuse)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_release_is_a_version_of_its_code_and_its_variables_behind_its_alias(bench: Bench) -> None:
    assert bench.publisher.version(release(1)) == "1"
    assert bench.publisher.version(release(2)) == "2"
    server = bench.service.functions["server"]
    assert server.aliases == {"r-1": "1", "r-2": "2"}
    for number in ("1", "2"):
        sha256, variables = server.versions[number]
        assert sha256 == release(int(number)).code.sha256
        assert variables == {"ANCHOR_DEPLOYMENT_ID": number, "TOKEN": SECRET}


def test_publishing_waits_until_each_change_is_done(bench: Bench) -> None:
    bench.service.settling = 5
    bench.publisher.version(release(1))
    assert bench.pauses[:4] == [0.05, 0.1, 0.2, 0.4]


def test_what_is_published_is_not_touched_again(bench: Bench) -> None:
    bench.publisher.version(release(1))
    with bench.calls.record_calls() as made:
        assert bench.publisher.version(release(1)) == "1"
    assert made == ["get_alias", "get_function_configuration"]


def test_a_release_that_another_version_of_the_platform_began_gets_the_wrapper_of_this_one(
    bench: Bench,
) -> None:
    """E1: the edge trusts a release's functions with what may be shared, so they must be this platform's."""
    server = bench.service.functions["server"]
    server.versions["1"], server.aliases["r-1"] = ("code with an older wrapper", {}), "1"
    server.descriptions["1"] = "r-1"
    assert bench.publisher.version(release(1)) == "2"
    assert server.aliases["r-1"] == "2"
    assert server.versions["2"][0] == release(1).code.sha256


def test_what_a_function_has_already_is_not_sent_again(bench: Bench) -> None:
    """Neither its code to the bucket, nor anything to Lambda, which would take seconds to take it in."""
    bench.publisher.version(release(1))
    sent = list[str]()
    same_code = evolve(release(1), alias="r-2", environment={"ANCHOR_DEPLOYMENT_ID": "2"})
    same_code = evolve(same_code, code=evolve(same_code.code, put=lambda: sent.append("zip")))
    with bench.calls.record_calls() as made:
        assert bench.publisher.version(same_code) == "2"
    assert (sent, "update_function_code" in made) == ([], False)
    same_variables = evolve(release(3), environment={"ANCHOR_DEPLOYMENT_ID": "2"})
    with bench.calls.record_calls() as made:
        assert bench.publisher.version(same_variables) == "3"
    assert "update_function_configuration" not in made
    assert bench.service.functions["server"].versions["3"] == (
        release(3).code.sha256,
        {"ANCHOR_DEPLOYMENT_ID": "2"},
    )


def test_new_code_is_in_the_bucket_when_lambda_is_told_of_it(bench: Bench) -> None:
    told = list[str]()
    bench.interfere("update_function_code", lambda: told.append("told"))
    new = release(1)
    bench.publisher.version(evolve(new, code=evolve(new.code, put=lambda: told.append("put"))))
    assert told == ["put", "told"]


def test_a_function_without_variables_of_its_own_keeps_them_as_they_are(bench: Bench) -> None:
    alone = evolve(release(1), function="revalidate", environment=None)
    assert bench.publisher.version(alone) == "1"
    assert "update_function_configuration" not in bench.calls.operations
    same_code = evolve(alone, alias="r-2")
    assert bench.publisher.version(same_code) == "1"
    assert bench.service.functions["revalidate"].aliases == {"r-1": "1", "r-2": "1"}


def crashes() -> int:
    bench = Bench()
    bench.publisher.version(release(1))
    bench.publisher.origin("server", "r-1")
    return len(bench.calls.operations)


@pytest.mark.parametrize("after", range(1, crashes() + 1))
def test_a_crash_after_any_call_is_made_good_by_repeating(bench: Bench, after: int) -> None:
    def publish() -> None:
        bench.publisher.version(release(1))
        bench.publisher.origin("server", "r-1")

    assert bench.calls.crash_during(publish, after=after)
    assert bench.publisher.version(release(1)) in {"1", "2"}
    assert bench.publisher.origin("server", "r-1") == "server-r-1.lambda-url.ap-southeast-1.on.aws"
    server = bench.service.functions["server"]
    sha256, variables = server.versions[server.aliases["r-1"]]
    assert sha256 == release(1).code.sha256
    assert variables["ANCHOR_DEPLOYMENT_ID"] == "1"


def settle(bench: Bench) -> None:
    function = bench.service.functions["server"]
    function.pending = 0
    function.revision += 1


def other_code(bench: Bench) -> None:
    settle(bench)
    bench.service.update_function_code(FunctionName="server", S3Bucket="artifacts", S3Key="3.zip")
    settle(bench)


def other_variables(bench: Bench) -> None:
    settle(bench)
    bench.service.update_function_configuration(
        FunctionName="server", Environment={"Variables": {"ANCHOR_DEPLOYMENT_ID": "3"}}
    )
    settle(bench)


@pytest.mark.parametrize("change", [other_code, other_variables])
@pytest.mark.parametrize(
    "before", ["update_function_configuration", "publish_version", "get_function_configuration"]
)
def test_a_change_by_someone_else_is_noticed_or_overwritten(
    bench: Bench, before: str, change: Callable[[Bench], None]
) -> None:
    bench.interfere(before, lambda: change(bench))
    try:
        version = bench.publisher.version(release(1))
    except FunctionBusyError as noticed:
        assert str(noticed) == "server was changed by someone else while it was published"  # noqa: PT017
    except ClientError as noticed:
        assert "PreconditionFailedException" in str(noticed)  # noqa: PT017
    else:
        sha256, variables = bench.service.functions["server"].versions[version]
        assert (sha256, variables["ANCHOR_DEPLOYMENT_ID"]) == (release(1).code.sha256, "1")


def test_code_that_changed_before_publishing_is_never_published(bench: Bench) -> None:
    bench.interfere("update_function_configuration", lambda: other_code(bench))
    with pytest.raises(FunctionBusyError):
        bench.publisher.version(release(1))
    assert bench.service.functions["server"].versions == {}


def test_an_alias_that_appears_meanwhile_is_looked_at_again(bench: Bench) -> None:
    server = bench.service.functions["server"]
    bench.interfere("create_alias", lambda: server.aliases.update({"r-1": "1"}))
    with pytest.raises(FunctionBusyError, match="alias r-1 of server appeared meanwhile"):
        bench.publisher.version(release(1))
    assert bench.publisher.version(release(1)) == "1"


def test_a_change_that_fails_is_told_with_lambdas_reason(bench: Bench) -> None:
    bench.service.changes_fail = "InvalidZipFileException"
    with pytest.raises(PublishError, match="Lambda could not change server: InvalidZipFileException"):
        bench.publisher.version(release(1))


@pytest.mark.parametrize("number", [1, 2])
def test_a_change_that_failed_stands_in_the_way_of_no_later_one(bench: Bench, number: int) -> None:
    """Lambda tells of it until the next change: of the same code, too, which it may not have taken in."""
    bench.service.changes_fail = "InternalError"
    with pytest.raises(PublishError):
        bench.publisher.version(release(1))
    bench.service.changes_fail = None
    assert bench.publisher.version(release(number)) == "1"
    assert bench.service.functions["server"].versions["1"][0] == release(number).code.sha256


def test_a_version_that_fails_to_start_is_told(bench: Bench) -> None:
    bench.service.versions_fail = True
    with pytest.raises(PublishError, match="Lambda could not change server: no reason"):
        bench.publisher.version(release(1))


def test_too_many_looks_at_a_function_are_followed_by_another_after_a_pause(bench: Bench) -> None:
    """All releases of an account share 15 calls a second: none begins anew for having asked too often."""
    bench.refuse("get_function_configuration", client_error("TooManyRequestsException", "GetFunction"))
    assert bench.publisher.version(release(1)) == "1"
    assert bench.pauses[0] == 0.05


def test_a_change_that_never_ends_is_left_for_later(bench: Bench) -> None:
    bench.service.settling = 10**6
    with pytest.raises(FunctionBusyError, match="server is still changing"):
        bench.publisher.version(release(1))
    assert sum(bench.pauses) == pytest.approx(60, abs=1)


def test_a_url_is_open_streams_and_has_both_permissions(bench: Bench) -> None:
    bench.publisher.version(release(1))
    assert bench.publisher.origin("server", "r-1") == "server-r-1.lambda-url.ap-southeast-1.on.aws"
    server = bench.service.functions["server"]
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


def test_a_url_that_is_there_is_taken_as_it_is(bench: Bench) -> None:
    bench.publisher.version(release(1))
    first = bench.publisher.origin("server", "r-1")
    assert bench.publisher.origin("server", "r-1") == first


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
def test_other_refusals_of_lambda_are_raised(bench: Bench, operation: str) -> None:
    bench.refuse(operation, client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        bench.publisher.origin("server", release(int(bench.publisher.version(release(1)))).alias)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (client_error("InvalidParameterValueException", message=f"measured: {SECRET}"), PublishError),
        (client_error("TooManyRequestsException", message=SECRET), FunctionBusyError),
        (ParamValidationError(report=f"invalid value: {SECRET}"), FunctionBusyError),
        (EndpointConnectionError(endpoint_url=SECRET), FunctionBusyError),
    ],
)
def test_a_refusal_of_variables_repeats_none_of_them(
    bench: Bench, error: Exception, expected: type[Exception]
) -> None:
    """A4: Lambda's own words, and botocore's, contain the values they refuse."""
    bench.refuse("update_function_configuration", error)
    with pytest.raises(expected) as refused:
        bench.publisher.version(release(1))
    assert "server" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__
    assert SECRET not in repr(release(1))


def test_the_live_aliases_follow_and_are_made_by_the_first_release(bench: Bench) -> None:
    for number in (1, 2):
        bench.publisher.version(release(number))
    bench.publisher.lead(lambda: {"server": "1"})
    assert bench.service.functions["server"].aliases["live"] == "1"
    with bench.calls.record_calls() as made:
        bench.publisher.lead(lambda: {"server": "2"})
    assert made == ["update_alias"]
    assert bench.service.functions["server"].aliases["live"] == "2"


def test_the_live_alias_follows_a_target_that_moves_meanwhile(bench: Bench) -> None:
    for number in (1, 2):
        bench.publisher.version(release(number))
    targets = iter(["1", "2", "2", "2"])
    bench.publisher.lead(lambda: {"server": next(targets)})
    assert bench.service.functions["server"].aliases["live"] == "2"
    assert bench.pauses == [0.05]


def test_a_refused_move_of_the_live_alias_is_raised(bench: Bench) -> None:
    bench.refuse("update_alias", client_error("TooManyRequestsException"))
    with pytest.raises(ClientError, match="TooManyRequests"):
        bench.publisher.lead(lambda: {"server": "1"})


def test_an_alias_is_a_name_that_lambda_allows() -> None:
    assert release_alias("01JB0000000000000000000000") == "r-01jb0000000000000000000000"
    assert json.dumps(release_alias("01JB"))
