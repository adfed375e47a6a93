"""The embedded AWS: its permissions, the methods of `Emulator`, and the state after it stops."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from ministack.services import lambda_svc

from local.emulator.emulator import (
    Emulator,
    EmulatorError,
    NodeFailure,
    NodeInvocation,
    NodeResult,
    NotFoundInEmulatorError,
    PortTakenError,
)
from tests.local.emulator.probe import (
    allow_rule_to_invoke,
    make_function,
    make_policy,
    make_role,
    make_zip,
    wait_for_result,
)

ROOT = Path(__file__).parents[3]


def test_the_administrator_has_all_permissions_and_a_role_those_of_its_policies(emulator: Emulator) -> None:
    emulator.client("s3").create_bucket(
        Bucket="a-bucket", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"}
    )
    role = make_role(emulator, policy=make_policy("s3:PutObject", "arn:aws:s3:::a-bucket/mine/*"))
    s3 = emulator.create_role_session(role).client("s3")
    s3.put_object(Bucket="a-bucket", Key="mine/file", Body=b"")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="a-bucket", Key="yours/file", Body=b"")


@pytest.mark.parametrize("key", ["test", "000000000000", "AKIAIOSFODNN7EXAMPLE"])
def test_well_known_access_keys_are_refused(emulator: Emulator, key: str) -> None:
    """P6: a build runs untrusted code, which can reach the emulator's port and try well-known access keys."""
    client = boto3.client(
        "s3",
        endpoint_url=emulator.endpoint_url,
        region_name="ap-southeast-1",
        aws_access_key_id=key,
        aws_secret_access_key="test",
    )
    with pytest.raises(ClientError, match=r"InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClient"):
        client.list_buckets()


def test_credentials_need_an_existing_role_that_trusts_the_service(emulator: Emulator) -> None:
    role = make_role(emulator)
    given = emulator.create_role_credentials(role, service="codebuild.amazonaws.com")
    assert set(given.to_environment()) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert given.secret_access_key not in repr(given)
    with pytest.raises(NotFoundInEmulatorError, match=r"events\.amazonaws\.com may not assume"):
        emulator.create_role_credentials(role, service="events.amazonaws.com")
    with pytest.raises(NotFoundInEmulatorError, match="there is no role"):
        emulator.create_role_credentials(role + "-other")


def test_the_users_own_aws_settings_are_not_read(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-is-nowhere")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token-of-the-user")
    identity = emulator.create_session().client("sts").get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::000000000000:root"


def test_a_function_url_resolves_to_the_current_version_of_its_alias(emulator: Emulator) -> None:
    functions = emulator.client("lambda")
    make_function(emulator, "1", runtime="nodejs22.x")
    first = functions.publish_version(FunctionName="probe")["Version"]
    functions.update_function_code(FunctionName="probe", ZipFile=make_zip({"probe.mjs": "2"}))
    second = functions.publish_version(FunctionName="probe")["Version"]
    functions.create_alias(FunctionName="probe", Name="live", FunctionVersion=first)
    url = functions.create_function_url_config(
        FunctionName="probe", Qualifier="live", AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )["FunctionUrl"]
    host = url.removeprefix("https://").rstrip("/")
    before = emulator.find_function_by_url(host)
    assert (before.version, before.invoke_mode) == (first, "RESPONSE_STREAM")
    functions.update_alias(FunctionName="probe", Name="live", FunctionVersion=second)
    after = emulator.find_function_by_url(host)
    assert after.version == second
    assert before.key != after.key
    assert after.key == emulator.find_function_by_url(host).key
    with pytest.raises(NotFoundInEmulatorError, match="no function has the URL"):
        emulator.find_function_by_url("nobody.lambda-url.ap-southeast-1.on.aws")


def test_the_items_of_a_key_value_store_are_read_without_a_request(emulator: Emulator) -> None:
    created = emulator.client("cloudfront").create_key_value_store(Name="edge")["KeyValueStore"]
    etag, items = emulator.read_key_values(created["ARN"])
    assert dict(items) == {}
    store = emulator.client("cloudfront-keyvaluestore")
    store.put_key(KvsARN=created["ARN"], Key="a.example.com", Value="{}", IfMatch=etag)
    new_etag, items = emulator.read_key_values(created["ARN"])
    assert dict(items) == {"a.example.com": "{}"}
    assert new_etag != etag
    with pytest.raises(NotFoundInEmulatorError):
        emulator.read_key_values(created["ARN"] + "-other")


def test_an_event_invokes_the_function_of_its_rule_and_a_failed_invocation_is_retried(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lambda_svc, "_LAMBDA_ASYNC_RETRY_BASE_SECONDS", 0.01)
    results = [NodeResult(failure=NodeFailure(message="not yet")), NodeResult(payload=None)]
    events: list[dict[str, object]] = []

    def run_invocation(invocation: NodeInvocation) -> NodeResult:
        events.append(invocation.event)
        return results[len(events) - 1]

    emulator.set_node_invoker(run_invocation)
    function = make_function(emulator, runtime="nodejs22.x")
    bus = emulator.client("events")
    rule = bus.put_rule(Name="sold", EventPattern='{"source": ["shop"]}')
    allow_rule_to_invoke(emulator, rule["RuleArn"])
    bus.put_targets(Rule="sold", Targets=[{"Id": "probe", "Arn": function}])
    bus.put_events(Entries=[{"Source": "shop", "DetailType": "sold", "Detail": '{"what": "a hat"}'}])
    wait_for_result(lambda: len(events) == 2)
    assert events[0]["detail"] == {"what": "a hat"}


def test_the_error_for_a_taken_port_names_the_variable_to_change() -> None:
    """L3: a second `make up` names the port in use, and explains how to change the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} .*ANCHOR_EMULATOR_PORT"):
            Emulator(region="ap-southeast-1", port=port).start()


@pytest.mark.usefixtures("running_emulator")
def test_a_process_has_one_emulator_at_a_time() -> None:
    with pytest.raises(EmulatorError, match="this process already runs an emulator"):
        Emulator(region="ap-southeast-1", port=0).start()


def test_a_stopped_emulator_raises_an_error() -> None:
    with pytest.raises(EmulatorError, match="is not running"):
        Emulator(region="ap-southeast-1").read_key_values("arn")


PROGRAM = """
import os, socket, sys, tempfile, threading
from pathlib import Path
from local.emulator.emulator import Emulator, EmulatorError
from tests.local.emulator.probe import invoke_probe, make_function

environment = dict(os.environ)
emulator = Emulator(region="ap-southeast-1", port=int(sys.argv[1]))
for _ in range(2):
    with emulator:
        make_function(emulator, "import os\\ndef handle(event, context): return os.getpid()")
        worker = invoke_probe(emulator)
        os.kill(worker, 0)
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", emulator.port)) != 0, "the emulator still listens"
    try:
        os.kill(worker, 0)
        raise AssertionError("the process of the function is still running")
    except ProcessLookupError:
        pass
try:
    Emulator(region="ap-southeast-1", port=0).start()
    raise AssertionError("this process has started an emulator on another port")
except EmulatorError:
    pass
assert environment == dict(os.environ), "the environment is changed"
assert list(Path(tempfile.gettempdir()).iterdir()) == [], "files remain"
assert not [t for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]
"""


def test_a_stopped_emulator_leaves_no_process_no_file_and_no_output(tmp_path: Path) -> None:
    """L3: after an emulator is stopped, no listener, process, file or line of output remains."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
