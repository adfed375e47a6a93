"""The policy pack, as Pulumi's engine uses it: the engine starts the pack and calls it over gRPC."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from components.aws.package import CHECKOUT
from policies.pack import create_policy
from policies.rules import RULES
from tests.components.recorder import Recorded, get_recording
from tests.policies.views import make_document, make_resource, make_urn

OPTIONS = PolicyResourceOptions(
    protect=False,
    ignore_changes=[],
    delete_before_replace=None,
    aliases=[],
    custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
    additional_secret_outputs=[],
)
POLICIES = {rule.name: create_policy(rule) for rule in RULES}


@pytest.fixture(scope="module")
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """Start the pack in its own process and folder, as the Pulumi command line does."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", "."],
        cwd=CHECKOUT / "policies",
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        port = process.stdout.readline().decode().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
        process.terminate()


def make_struct(props: Mapping[str, Any]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(props)
    return message


def to_analyzer_resource(resource: Recorded) -> analyzer_pb2.AnalyzerResource:
    return analyzer_pb2.AnalyzerResource(
        type=resource.type,
        name=resource.name,
        urn=resource.urn,
        properties=make_struct(resource.inputs),
        options=analyzer_pb2.AnalyzerResourceOptions(protect=resource.protect),
        parent=resource.parent,
        propertyDependencies={
            name: analyzer_pb2.AnalyzerPropertyDependencies(urns=sorted(urns))
            for name, urns in resource.references.items()
        },
    )


def test_the_pack_reports_every_rule_as_mandatory(analyzer: Any) -> None:  # noqa: ANN401
    info = analyzer.GetAnalyzerInfo(struct_pb2.Struct())
    assert info.name == "anchor-deploy"
    assert {reported.name for reported in info.policies} == POLICIES.keys()
    assert {reported.enforcementLevel for reported in info.policies} == {analyzer_pb2.MANDATORY}


def test_a_violation_is_reported_with_rule_and_reason(analyzer: Any) -> None:  # noqa: ANN401
    answer = analyzer.Analyze(
        analyzer_pb2.AnalyzeRequest(
            type="aws:s3/bucket:Bucket",
            name="assets",
            urn=make_urn("bucket", "assets"),
            properties=make_struct({"acl": "public-read"}),
        )
    )
    (found,) = answer.diagnostics
    assert (found.policyName, found.enforcementLevel) == ("no-public-acl", analyzer_pb2.MANDATORY)
    assert found.message.endswith("assets has the public ACL public-read: remove it")


def test_the_pack_reports_nothing_for_production(analyzer: Any) -> None:  # noqa: ANN401
    resources = [to_analyzer_resource(resource) for resource in get_recording("production").resources]
    answer = analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources))
    assert not answer.diagnostics


def test_a_bucket_without_a_public_access_block_is_reported(analyzer: Any) -> None:  # noqa: ANN401
    kind = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    resources = [
        to_analyzer_resource(resource)
        for resource in get_recording("production").resources
        if (resource.type, resource.name) != (kind, "artifacts")
    ]
    answer = analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources))
    (found,) = answer.diagnostics
    assert found.policyName == "buckets-are-private"
    assert found.urn.endswith("aws:s3/bucket:Bucket::artifacts")


def validate_resource(name: str, kind: str, props: dict[str, Any]) -> list[str]:
    """Call a resource policy as the SDK does, and return its reports."""
    reports: list[str] = []
    checked_policy = POLICIES[name]
    assert isinstance(checked_policy, ResourceValidationPolicy)
    args = ResourceValidationArgs(kind, unknown_checking_proxy(props), "urn", "it", OPTIONS, None)
    checked_policy.validate(args, lambda message, _urn: reports.append(message))
    return reports


def test_unknown_values_do_not_stop_a_check() -> None:
    """The SDK's containers raise an error when a rule reads an unknown value. This must not end the check."""
    kind = make_resource("role-policy").type
    assert validate_resource("no-wildcard-action", kind, {"policy": UNKNOWN_STRING_VALUE, "role": "a"}) == []
    props = {"policy": make_document(Action="*"), "role": UNKNOWN_STRING_VALUE}
    assert validate_resource("no-wildcard-action", kind, props) == [
        "it allows the action *: list the actions"
    ]
    variables = {"A": UNKNOWN_STRING_VALUE, "TOKEN": UNKNOWN_STRING_VALUE}
    environment = {"environment": {"variables": variables}, "layers": ["a"]}
    (reports,) = validate_resource("no-secret-variable", make_resource("function").type, environment)
    assert "TOKEN" in reports


def test_a_policy_checks_only_the_types_of_its_rule() -> None:
    assert validate_resource("no-public-acl", "aws:sqs/queue:Queue", {"acl": "public-read"}) == []


def test_a_stack_policy_reports_the_resource() -> None:
    reports: list[tuple[str, str | None]] = []
    checked_policy = POLICIES["queues-have-dead-letters"]
    assert isinstance(checked_policy, StackValidationPolicy)
    queue = PolicyResource(
        make_resource("queue").type, {}, make_urn("queue"), "work", OPTIONS, None, None, [], {}
    )
    checked_policy.validate(StackValidationArgs([queue]), lambda message, of: reports.append((message, of)))
    ((message, of),) = reports
    assert message.startswith("work deletes messages that failed")
    assert of == make_urn("queue")


def test_the_pack_uses_the_virtual_environment_of_the_program() -> None:
    """The pack's packages are in the lock file of the program, because only this file has hashes."""
    text = (CHECKOUT / "policies" / "PulumiPolicy.yaml").read_text(encoding="utf-8")
    assert "virtualenv: ../.venv" in text
    assert not (CHECKOUT / "policies" / "requirements.txt").exists()
    assert "pulumi-policy==" in (CHECKOUT / "requirements" / "dev.txt").read_text(encoding="utf-8")


def test_the_kind_in_the_file_of_a_stage_decides_the_rules_of_production(tmp_path: Path) -> None:
    """G1, G3: Pulumi does not pass the settings to the pack, so the pack reads them next to its folder."""
    shutil.copytree(CHECKOUT / "policies", tmp_path / "policies")
    (tmp_path / "Pulumi.alice.yaml").write_text("config: {anchor-deploy:stage: {kind: production}}\n")
    script = (
        "import policies.pack as pack\n"
        "print(*(pack._read_stage_kind(f'urn:pulumi:{stage}::p::t::n') for stage in ('alice', 'bob')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{CHECKOUT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "production \n"
