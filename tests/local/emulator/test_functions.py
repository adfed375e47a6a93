"""Functions in the embedded AWS: their environment, permissions and logs (L1)."""

import base64
import io
import json
import zipfile
from pathlib import Path

import awscrt
import pytest
from attrs import evolve

from local.emulator.emulator import Emulator, NodeFailure, NodeInvocation, NodeResult
from tests.local.emulator.probe import (
    invoke_probe,
    make_function,
    make_policy,
    make_zip,
    put_policy,
    read_log_messages,
)
from tests.runtime.releases.origin.node_functions import make_function_version


def test_a_function_has_its_own_variables_and_none_of_this_machine(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPM_TOKEN", "a-secret-of-the-user")
    monkeypatch.setenv("AWS_PROFILE", "the-users")
    code = "import os\ndef handle(event, context): return dict(os.environ)\n"
    make_function(emulator, code, Environment={"Variables": {"TABLE": "mine"}})
    seen = invoke_probe(emulator)
    assert seen["TABLE"] == "mine"
    assert seen["AWS_REGION"] == "ap-southeast-1"
    assert seen["AWS_ENDPOINT_URL"] == emulator.endpoint_url
    assert {"NPM_TOKEN", "AWS_PROFILE", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"} & set(seen) == set()


def test_a_function_can_import_boto3_and_its_layers_but_no_other_packages(emulator: Emulator) -> None:
    layer = emulator.client("lambda").publish_layer_version(
        LayerName="dependencies", Content={"ZipFile": make_zip({"python/ours.py": "X = 'of the layer'\n"})}
    )
    code = """
        import importlib.util, boto3, ours
        def handle(event, context):
            names = ("pulumi", "ministack", "attrs", "local", "pytest")
            return [ours.X, [name for name in names if importlib.util.find_spec(name)]]
        """
    make_function(emulator, code, Layers=[layer["LayerVersionArn"]])
    assert invoke_probe(emulator) == ["of the layer", []]


def test_a_boto3_in_a_layer_comes_before_the_one_of_the_runtime(emulator: Emulator) -> None:
    """Lambda has the same order, so the platform's functions use the boto3 with which they are tested."""
    layer = emulator.client("lambda").publish_layer_version(
        LayerName="boto3", Content={"ZipFile": make_zip({"python/boto3/__init__.py": "X = 'of the layer'\n"})}
    )
    code = "import boto3\n\ndef handle(event, context):\n    return boto3.X\n"
    make_function(emulator, code, Layers=[layer["LayerVersionArn"]])
    assert invoke_probe(emulator) == "of the layer"


def test_a_layer_is_unpacked_once_for_all_processes(emulator: Emulator) -> None:
    """To unpack boto3 at each start would take longer than the start itself."""
    layer = emulator.client("lambda").publish_layer_version(
        LayerName="dependencies", Content={"ZipFile": make_zip({"python/ours.py": "X = 'of the layer'\n"})}
    )
    code = "import os, ours\n\ndef handle(event, context):\n    return [ours.__file__, os.getpid()]\n"
    make_function(emulator, code, Layers=[layer["LayerVersionArn"]])
    first_file, first_process = invoke_probe(emulator)
    emulator.client("lambda").update_function_code(
        FunctionName="probe", ZipFile=make_zip({"probe.py": code + "\n"})
    )
    second_file, second_process = invoke_probe(emulator)
    assert first_process != second_process
    assert first_file == second_file


def test_log_messages_of_a_function_reach_its_log_group_with_the_request_id(
    emulator: Emulator,
) -> None:
    code = """
        import logging
        logging.getLogger().setLevel("INFO")
        def handle(event, context):
            logging.getLogger("shop").info("sold %s", event)
            print("printed", event)
            return context.aws_request_id
        """
    make_function(emulator, code)
    request_ids = [invoke_probe(emulator, number) for number in (1, 2, 3)]
    lines = [line.split("\t") for line in read_log_messages(emulator) if "sold" in line]
    assert [line[2:] for line in lines] == [
        [request_id, f"sold {number}"] for number, request_id in enumerate(request_ids, start=1)
    ]
    assert sum("printed" in line for line in read_log_messages(emulator)) == 3


def test_json_logs_follow_the_functions_log_settings(emulator: Emulator) -> None:
    code = """
        import logging
        def handle(event, context):
            logging.info("sold", extra={"deploymentId": "D1"})
            logging.debug("too much")
        """
    make_function(emulator, code, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO"})
    invoke_probe(emulator)
    (entry,) = [json.loads(line) for line in read_log_messages(emulator) if '"level"' in line]
    assert (entry["message"], entry["deploymentId"]) == ("sold", "D1")
    assert entry["requestId"]


def test_an_exception_is_an_unhandled_error_with_a_trace_in_the_log(emulator: Emulator) -> None:
    make_function(emulator, "def handle(event, context): raise ValueError('no')\n")
    answer = emulator.client("lambda").invoke(FunctionName="probe", Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert any("ValueError: no" in line for line in read_log_messages(emulator))


def test_the_log_tail_of_a_call_contains_only_the_lines_of_this_call(emulator: Emulator) -> None:
    code = """
        import sys
        def handle(event, context):
            print("of call", event, file=sys.stderr)
            return "x" * event
        """
    make_function(emulator, code)
    answers = [
        emulator.client("lambda").invoke(FunctionName="probe", Payload=str(size).encode(), LogType="Tail")
        for size in (1, 100_000, 2)
    ]
    tails = [base64.b64decode(answer["LogResult"]).decode() for answer in answers]
    assert tails == ["of call 1", "of call 100000", "of call 2"]


def test_the_lines_of_a_function_are_found_with_their_version(emulator: Emulator) -> None:
    """A page of the run-time log reads lines of `Invoke` and of requests to a function's URL."""
    make_function(emulator, "def handle(event, context): print('invoked')\n")
    invoke_probe(emulator)
    version = make_function_version({}, name="probe", number="7")
    emulator.record_log_line(version, "asked")
    emulator.record_log_line(evolve(version, name="without-a-log"), "lost")
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/probe")["events"]
    found = {event["message"].strip(): event for event in events}
    assert "[7]" in found["asked"]["logStreamName"]
    assert "[$LATEST]" in found["invoked"]["logStreamName"]
    assert len({event["eventId"] for event in events}) == len(events)


def test_node_functions_run_in_the_registered_workers(emulator: Emulator) -> None:
    invocations: list[NodeInvocation] = []

    def run_invocation(invocation: NodeInvocation) -> NodeResult:
        invocations.append(invocation)
        return NodeResult(payload={"statusCode": 200, "body": "from node"}, log="rendered")

    emulator.set_node_invoker(run_invocation)
    make_function(emulator, runtime="nodejs22.x", MemorySize=1024, Environment={"Variables": {"ANSWER": "1"}})
    assert invoke_probe(emulator, {"path": "/"})["body"] == "from node"
    (invocation,) = invocations
    function = invocation.function
    assert (function.name, function.version, function.memory, function.timeout) == (
        "probe",
        "$LATEST",
        1024,
        10,
    )
    assert invocation.event == {"path": "/"}
    environment = function.make_process_environment()
    assert environment["ANSWER"] == "1"
    assert environment["AWS_ENDPOINT_URL"] == emulator.endpoint_url
    assert zipfile.ZipFile(io.BytesIO(function.code)).namelist() == ["probe.mjs"]
    assert "rendered" in read_log_messages(emulator)


def test_a_failure_of_a_node_function_is_an_unhandled_error(emulator: Emulator) -> None:
    emulator.set_node_invoker(
        lambda _: NodeResult(failure=NodeFailure(message="no page", type="RenderError"))
    )
    make_function(emulator, runtime="nodejs22.x")
    answer = emulator.client("lambda").invoke(FunctionName="probe", Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "RenderError"


def test_a_function_writes_to_a_key_value_store_with_its_own_roles_permission(emulator: Emulator) -> None:
    store = emulator.client("cloudfront").create_key_value_store(Name="edge")["KeyValueStore"]["ARN"]
    code = """
        import boto3
        from botocore.exceptions import ClientError
        client = boto3.client("cloudfront-keyvaluestore")
        def handle(store, context):
            try:
                etag = client.describe_key_value_store(KvsARN=store)["ETag"]
                client.put_key(KvsARN=store, Key="a.example.com", Value="{}", IfMatch=etag)
            except ClientError as error:
                return error.response["Error"]["Code"]
            return "put"
        """
    # boto3 needs awscrt to sign requests to a KeyValueStore. Therefore this layer contains awscrt, like the
    # layer of the platform's functions that write to the store.
    folder = Path(awscrt.__file__).parents[1]
    files = [*folder.glob("_awscrt*.so"), *folder.glob("awscrt/**/*.py")]
    content = make_zip({f"python/{path.relative_to(folder)}": path.read_bytes() for path in files})
    layer = emulator.client("lambda").publish_layer_version(LayerName="edge", Content={"ZipFile": content})
    make_function(emulator, code, Layers=[layer["LayerVersionArn"]])
    assert invoke_probe(emulator, store) == "AccessDeniedException"
    put_policy(emulator, make_policy("cloudfront-keyvaluestore:*", store))
    assert invoke_probe(emulator, store) == "put"
    assert dict(emulator.read_key_values(store)[1]) == {"a.example.com": "{}"}
