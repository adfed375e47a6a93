"""Runs the Pulumi program without an engine and records the registered resources.

`record_stage("dev")` returns the resources of the stage dev. `list_dynamodb_tables("dev")` returns the
arguments for test tables, read from these resources, so that tests use the deployed schema.
"""

import asyncio
import contextvars
import gc
import hashlib
import json
import runpy
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
import pulumi_aws
import yaml
from attrs import Factory, frozen
from google.protobuf import empty_pb2
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack

from tests.components.stages import REGION, STAGE_FILES
from tests.coverage_pauses import pause, resume

with warnings.catch_warnings():
    # pulumi_aws loads a module at its first use, and then warns about the deprecated classes in it. These
    # modules are loaded here, where warnings are ignored. In a test, every warning is an error, so a test
    # still fails if the program uses a deprecated class.
    warnings.simplefilter("ignore", DeprecationWarning)
    _ = (pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket)

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
ARCHITECTURES = ("arm64", "x86_64")
LAYERS = ("base", "edge")


@frozen(kw_only=True)
class Recorded:
    """One registered resource.

    Attributes:
        inputs: Plain values. An asset is `{"asset": sha256 of its content}`, an archive is `{"archive":
            {path: asset}}`. Numbers are floats, as in the protocol.
        parent: URN, or an empty string at the top level.
        references: URNs of the resources that an input's value depends on, by input.
        after: URNs of all resources that are created before this one, including those in its `depends_on`.
        secret_outputs: Outputs that Pulumi encrypts in its state.
        former_parents: Parents (URNs) in the Pulumi aliases of the resource.
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    parent: str
    protect: bool
    retain_on_delete: bool
    ignore_changes: tuple[str, ...]
    secret_outputs: tuple[str, ...]
    custom: bool
    references: Mapping[str, frozenset[str]]
    after: frozenset[str]
    former_parents: tuple[str, ...]


@frozen(kw_only=True)
class Recording:
    """All resources and stack outputs of one run of the program."""

    resources: list[Recorded]
    outputs: Mapping[str, Any] = Factory(dict)

    def find_by_type(self, kind: str) -> list[Recorded]:
        """Return the resources with a type token."""
        return [resource for resource in self.resources if resource.type == kind]

    def find_resource(self, kind: str, name: str) -> Recorded:
        """Return the resource with a type token and a logical name."""
        (found,) = [resource for resource in self.find_by_type(kind) if resource.name == name]
        return found


@lru_cache
def get_recording(stage: str) -> Recording:
    """Return the recording of a stage. The program runs with the settings of `read_configuration`."""
    return record_main_program(stage)


def record_stage(stage: str) -> list[Recorded]:
    """Return the resources of a stage, sorted by URN."""
    return get_recording(stage).resources


def record_main_program(
    stage: str,
    change: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    region: str = REGION,
    registered: list[Recorded] | None = None,
) -> Recording:
    """Run `__main__.py` with the configuration of a stage.

    Args:
        stage: Name of the stage.
        change: Replacements of settings in `anchor-deploy:stage`. None removes a setting.
        name: Name of the stack, if it is not the name of the stage.
        region: Value of `aws:region`.
        registered: List to which each registered resource is added. It is also filled if the program fails.
    """
    config = {**read_configuration(stage), "aws:region": region}
    changed = {**config["anchor-deploy:stage"], **(change or {})}
    config["anchor-deploy:stage"] = {key: value for key, value in changed.items() if value is not None}

    with create_layers() as layers:
        config["anchor-deploy:layers"] = str(layers)
        return record_program(
            run_main,
            name or stage,
            config,
            registered,
            monitor=lambda recorded: Recorder(recorded, _create_mocks(region)),
        )


def run_main() -> None:
    """Run the program as Pulumi does."""
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def read_configuration(stage: str) -> dict[str, Any]:
    """Return the configuration in the tests' own file of a stage."""
    return yaml.safe_load((STAGE_FILES / f"Pulumi.{stage}.yaml").read_text())["config"]


def record_program(
    program: Callable[[], object],
    stage: str = "dev",
    config: Mapping[str, Any] | None = None,
    registered: list[Recorded] | None = None,
    monitor: "Callable[[list[Recorded]], Recorder] | None" = None,
) -> Recording:
    """Run a program under the SDK's mocks, in its own context and event loop, and return its resources."""
    recorded: list[Recorded] = [] if registered is None else registered
    recorder = (monitor or Recorder)(recorded)
    record = pause(contextvars.copy_context().run)
    return record(_record_in_context, resume(program), stage, config or {}, recorder)


def list_dynamodb_tables(stage: str) -> list[dict[str, Any]]:
    """Return the arguments of boto3's `create_table` for every table of a stage, sorted by table name."""
    tables = [
        resource.inputs for resource in record_stage(stage) if resource.type == "aws:dynamodb/table:Table"
    ]
    return [_build_table_arguments(inputs) for inputs in sorted(tables, key=lambda inputs: inputs["name"])]


@contextmanager
def create_layers() -> Iterator[Path]:
    """Create a folder with the layers that `make package` builds, each with one small file, and yield it."""
    with tempfile.TemporaryDirectory() as folder:
        for runtime, architecture, layer in product(RUNTIMES, ARCHITECTURES, LAYERS):
            package = Path(folder) / f"{runtime}-{architecture}" / layer / "python"
            package.mkdir(parents=True)
            (package / f"{layer}.py").write_text(f"LAYER = {layer!r}\n")
        yield Path(folder)


class Mocks(pulumi.runtime.Mocks):
    """Mocks that create every resource immediately.

    Attributes:
        region: Region in the generated outputs.
    """

    region = REGION

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            return None, {}
        given = (args.inputs[key] for key in ("name", "bucket", "layerName") if key in args.inputs)
        name = str(next(given, args.name))
        if args.typ == "aws:lambda/alias:Alias":
            name = f"{args.inputs['functionName']}:{name}"
        if args.typ == "aws:cognito/userPool:UserPool":
            name = f"{self.region}_ExamplePool"
        return name, _merge_outputs(generate_outputs(args.typ, name, self.region), args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token != "aws:index/getCallerIdentity:getCallerIdentity":
            raise AssertionError(f"unexpected lookup of the program: {args.token}")
        return {
            "accountId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:root",
            "id": ACCOUNT,
            "userId": "AIDA",
        }, []


def _create_mocks(region: str) -> Mocks:
    created = Mocks()
    created.region = region
    return created


class Recorder(mocks.MockMonitor):
    """The SDK's mock of Pulumi's engine, which also records the registered resources.

    Attributes:
        preview: Whether the program runs as a preview.
    """

    preview = False

    def __init__(self, recorded: list[Recorded], resource_mocks: pulumi.runtime.Mocks | None = None) -> None:
        super().__init__(resource_mocks or Mocks())
        self.recorded = recorded

    def GetDeploymentInfo(self, request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:  # noqa: N802 - the SDK's name
        """Return the supported features, except hooks. For hooks, the SDK would start a callback server."""
        known = super().GetDeploymentInfo(request).supportedFeatures
        hooks = resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS
        return resource_pb2.DeploymentInfo(supportedFeatures=[one for one in known if one != hooks])

    @pause
    def RegisterResource(  # noqa: N802 - the SDK's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        with _run_event_loop():
            if request.type != "pulumi:pulumi:Stack":
                self.recorded.append(self._read_request(request))
            return super().RegisterResource(request)

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802 - the SDK's name
        with _run_event_loop():
            return super().Invoke(request)

    def _read_request(self, request: resource_pb2.RegisterResourceRequest) -> Recorded:
        return Recorded(
            type=request.type,
            name=request.name,
            urn=self.make_urn(request.parent, request.type, request.name),
            inputs=_to_plain(rpc.deserialize_properties(request.object)),
            parent="" if request.parent.split("::")[2] == "pulumi:pulumi:Stack" else request.parent,
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            ignore_changes=tuple(request.ignoreChanges),
            secret_outputs=tuple(request.additionalSecretOutputs),
            custom=request.custom,
            references={name: frozenset(of.urns) for name, of in request.propertyDependencies.items()},
            after=frozenset(request.dependencies),
            former_parents=tuple(alias.spec.parentUrn for alias in request.aliases if alias.spec.parentUrn),
        )


@contextmanager
def _run_event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Provide an event loop for this thread and close it. The SDK would leave its own loop open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        asyncio.set_event_loop(None)


def _record_in_context(
    program: Callable[[], object], stage: str, config: Mapping[str, Any], monitor: "Recorder"
) -> Recording:
    recorded = monitor.recorded
    outputs: dict[str, Any] = {}

    def run_and_read_outputs() -> None:
        program()
        root = settings.get_root_resource()
        pulumi.Output.from_input(root.outputs).apply(outputs.update)

    with _run_event_loop() as loop:
        pulumi.runtime.set_mocks(
            Mocks(), project="anchor-deploy", stack=stage, preview=monitor.preview, monitor=monitor
        )
        # The mocks set a stack. `pulumi.run` raises an error while this stack is set, so it is removed.
        settings.ROOT.set(None)
        pulumi.runtime.set_all_config(
            {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
        )
        try:
            loop.run_until_complete(run_in_stack(run_and_read_outputs))
        finally:
            gc.enable()  # the program disables it
    urns = [resource.urn for resource in recorded]
    assert len(urns) == len(set(urns)), "two resources have the same URN"
    return Recording(
        resources=sorted(recorded, key=lambda resource: resource.urn), outputs=_to_plain(outputs)
    )


def _merge_outputs(generated: dict[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return generated outputs and inputs together. Two mappings under the same key become one mapping."""
    within = {
        key: {**generated[key], **value}
        for key, value in inputs.items()
        if isinstance(value, Mapping) and isinstance(generated.get(key), Mapping)
    }
    return {**generated, **inputs, **within}


def generate_outputs(kind: str, name: str, region: str = REGION) -> dict[str, Any]:
    """Return example values of generated outputs: an ARN, and the properties that the program reads."""
    module = kind.removeprefix("aws:").split("/", maxsplit=1)[0]
    service = {"cloudwatch": "logs", "apigatewayv2": "apigateway"}.get(module, module)
    if kind == "aws:cloudwatch/metricAlarm:MetricAlarm":
        service = module
    regional = f"{service}:{region}:{ACCOUNT}"
    place = {"s3": "s3::", "iam": f"iam::{ACCOUNT}", "cloudfront": f"cloudfront::{ACCOUNT}"}.get(
        module, regional
    )
    resource = {
        "aws:dynamodb/table:Table": f"table/{name}",
        "aws:s3/bucket:Bucket": name,
        "aws:sqs/queue:Queue": name,
        "aws:lambda/function:Function": f"function:{name}",
        "aws:lambda/alias:Alias": f"function:{name}",
        "aws:lambda/layerVersion:LayerVersion": f"layer:{name}:1",
        "aws:cloudfront/keyValueStore:KeyValueStore": "key-value-store/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
        "aws:cloudwatch/logGroup:LogGroup": f"log-group:{name}",
        "aws:cloudwatch/metricAlarm:MetricAlarm": f"alarm:{name}",
        "aws:sns/topic:Topic": name,
    }.get(kind, f"{kind.rsplit(':', 1)[1].lower()}/{name}")
    known: dict[str, dict[str, Any]] = {
        "aws:lambda/function:Function": {
            "invokeArn": f"arn:aws:apigateway:{region}:lambda:path/{name}/invocations"
        },
        "aws:route53/record:Record": {"fqdn": name},
        "aws:kms/key:Key": {"keyId": name},
        "aws:s3/bucket:Bucket": {"bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com"},
        "aws:sqs/queue:Queue": {"url": f"https://sqs.{region}.amazonaws.com/{ACCOUNT}/{name}"},
        "aws:apigatewayv2/api:Api": {
            "apiEndpoint": f"https://api.execute-api.{region}.amazonaws.com",
            "executionArn": f"arn:aws:execute-api:{region}:{ACCOUNT}:api",
        },
        "aws:cloudfront/distribution:Distribution": {
            "domainName": "d111111abcdef8.cloudfront.net",
            "hostedZoneId": "Z2FDTNDATAQYW2",
        },
        "aws:apigatewayv2/domainName:DomainName": {
            "domainNameConfiguration": {
                "targetDomainName": f"d-api.execute-api.{region}.amazonaws.com",
                "hostedZoneId": "ZL327KTPIQFUL",
            }
        },
        "aws:acm/certificate:Certificate": {
            "domainValidationOptions": [
                {
                    "resourceRecordName": "_x.example.",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_y.aws.",
                }
            ]
        },
    }
    return {"arn": f"arn:aws:{place}:{resource}", "name": name, **known.get(kind, {})}


def _to_plain(value: Any) -> Any:  # noqa: ANN401 - any input of a resource
    if isinstance(value, pulumi.FileAsset | pulumi.StringAsset):
        content = (
            Path(value.path).read_bytes() if isinstance(value, pulumi.FileAsset) else value.text.encode()
        )
        return {"asset": hashlib.sha256(content).hexdigest()}
    if isinstance(value, pulumi.AssetArchive):
        return {"archive": {path: _to_plain(asset) for path, asset in sorted(value.assets.items())}}
    if isinstance(value, pulumi.FileArchive):
        files = sorted(path for path in Path(value.path).rglob("*") if path.is_file())
        return {
            "archive": {
                path.relative_to(value.path).as_posix(): {
                    "asset": hashlib.sha256(path.read_bytes()).hexdigest()
                }
                for path in files
            }
        }
    if isinstance(value, Mapping):
        return {key: _to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    return value


def _build_table_arguments(inputs: Mapping[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "TableName": inputs["name"],
        "BillingMode": inputs["billingMode"],
        "AttributeDefinitions": [
            {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
            for attribute in inputs["attributes"]
        ],
        "KeySchema": _build_key_schema(inputs["hashKey"], inputs.get("rangeKey")),
    }
    if indexes := inputs.get("globalSecondaryIndexes"):
        arguments["GlobalSecondaryIndexes"] = [_build_index(index) for index in indexes]
    if inputs.get("streamEnabled"):
        arguments["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": inputs["streamViewType"]}
    return arguments


def _build_key_schema(partition: str, sort: str | None) -> list[dict[str, str]]:
    keys = [(partition, "HASH"), (sort, "RANGE")]
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys if name]


def _build_index(index: Mapping[str, Any]) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index["projectionType"]}
    if attributes := index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = attributes
    schema = [
        {"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in index["keySchemas"]
    ]
    return {"IndexName": index["name"], "KeySchema": schema, "Projection": projection}
