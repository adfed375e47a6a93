"""The policy pack as Pulumi's engine meets it: started as a program, asked over gRPC."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
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
from policies.pack import policy
from policies.rules import RULES
from tests.components.recorder import Recorded, recording
from tests.policies.views import document, made, urn

OPTIONS = PolicyResourceOptions(
    protect=False,
    ignore_changes=[],
    delete_before_replace=None,
    aliases=[],
    custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
    additional_secret_outputs=[],
)
POLICIES = {rule.name: policy(rule) for rule in RULES}


@pytest.fixture(scope="module")
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack in a process of its own, started in its folder as the Pulumi command line does."""
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


def struct(props: Mapping[str, Any]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(props)
    return message


def on_the_wire(resource: Recorded) -> analyzer_pb2.AnalyzerResource:
    return analyzer_pb2.AnalyzerResource(
        type=resource.type,
        name=resource.name,
        urn=resource.urn,
        properties=struct(resource.inputs),
        options=analyzer_pb2.AnalyzerResourceOptions(protect=resource.protect),
        parent=resource.parent,
        propertyDependencies={
            name: analyzer_pb2.AnalyzerPropertyDependencies(urns=sorted(urns))
            for name, urns in resource.refers.items()
        },
    )


def test_the_pack_tells_pulumi_every_rule_and_stops_deployments(analyzer: Any) -> None:  # noqa: ANN401
    info = analyzer.GetAnalyzerInfo(struct_pb2.Struct())
    assert info.name == "anchor-deploy"
    assert {told.name for told in info.policies} == POLICIES.keys()
    assert {told.enforcementLevel for told in info.policies} == {analyzer_pb2.MANDATORY}


def test_a_bad_resource_is_refused_with_the_rule_and_the_reason(analyzer: Any) -> None:  # noqa: ANN401
    answer = analyzer.Analyze(
        analyzer_pb2.AnalyzeRequest(
            type="aws:s3/bucket:Bucket",
            name="assets",
            urn=urn("bucket", "assets"),
            properties=struct({"acl": "public-read"}),
        )
    )
    (found,) = answer.diagnostics
    assert (found.policyName, found.enforcementLevel) == ("no-public-acl", analyzer_pb2.MANDATORY)
    assert found.message.endswith("assets has the ACL public-read")


def test_the_whole_of_production_passes(analyzer: Any) -> None:  # noqa: ANN401
    resources = [on_the_wire(resource) for resource in recording("production").resources]
    answer = analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources))
    assert not answer.diagnostics


def test_without_its_public_access_block_a_bucket_of_production_is_found(analyzer: Any) -> None:  # noqa: ANN401
    kind = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    resources = [
        on_the_wire(resource)
        for resource in recording("production").resources
        if (resource.type, resource.name) != (kind, "artifacts")
    ]
    answer = analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources))
    (found,) = answer.diagnostics
    assert found.policyName == "buckets-are-closed"
    assert found.urn.endswith("aws:s3/bucket:Bucket::artifacts")


def validated(name: str, kind: str, props: dict[str, Any]) -> list[str]:
    """What a policy of one resource reports, called as the SDK calls it."""
    told: list[str] = []
    checked = POLICIES[name]
    assert isinstance(checked, ResourceValidationPolicy)
    args = ResourceValidationArgs(kind, unknown_checking_proxy(props), "urn", "it", OPTIONS, None)
    checked.validate(args, lambda message, _urn: told.append(message))
    return told


def test_what_a_preview_does_not_know_is_neither_reported_nor_in_the_way() -> None:
    """The SDK's containers raise when something unknown is read, which would end the whole check."""
    kind = made("role-policy").type
    assert validated("no-wildcard-action", kind, {"policy": UNKNOWN_STRING_VALUE, "role": "a"}) == []
    props = {"policy": document(Action="*"), "role": UNKNOWN_STRING_VALUE}
    assert validated("no-wildcard-action", kind, props) == ["it allows the action *: name the actions"]
    variables = {"A": UNKNOWN_STRING_VALUE, "TOKEN": UNKNOWN_STRING_VALUE}
    environment = {"environment": {"variables": variables}, "layers": ["a"]}
    (told,) = validated("no-secret-variable", made("function").type, environment)
    assert "TOKEN" in told


def test_a_policy_looks_at_the_types_of_its_rule_only() -> None:
    assert validated("no-public-acl", "aws:sqs/queue:Queue", {"acl": "public-read"}) == []


def test_a_policy_of_the_stack_reports_the_resource() -> None:
    told: list[tuple[str, str | None]] = []
    checked = POLICIES["queues-have-dead-letters"]
    assert isinstance(checked, StackValidationPolicy)
    queue = PolicyResource(made("queue").type, {}, urn("queue"), "work", OPTIONS, None, None, [], {})
    checked.validate(StackValidationArgs([queue]), lambda message, of: told.append((message, of)))
    ((message, of),) = told
    assert message.startswith("work loses what fails for good")
    assert of == urn("queue")


def test_the_packs_file_names_the_environment_that_has_the_sdk() -> None:
    """There is one lock file with hashes: the program's."""
    text = (CHECKOUT / "policies" / "PulumiPolicy.yaml").read_text(encoding="utf-8")
    assert "virtualenv: ../.venv" in text
    assert not (CHECKOUT / "policies" / "requirements.txt").exists()
    assert "pulumi-policy==" in (CHECKOUT / "requirements" / "dev.txt").read_text(encoding="utf-8")
