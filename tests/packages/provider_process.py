"""The provider of the wheel in its own process, and a resource monitor that records what it registers."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from attrs import field, frozen
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    errors_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
    status_pb2,
)

from tests.components.recorder import Recorded, Recorder
from tests.packages.example_programs import ProviderMocks

PROJECT, STACK = "notes", "dev"
PARENT = f"urn:pulumi:{STACK}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{STACK}"


class MonitorServer(resource_pb2_grpc.ResourceMonitorServicer):
    """A gRPC server in front of a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def SupportsFeature(  # noqa: N802 - the protocol's name
        self, request: resource_pb2.SupportsFeatureRequest, _context: object
    ) -> resource_pb2.SupportsFeatureResponse:
        return self._recorder.SupportsFeature(request)

    def GetDeploymentInfo(self, request: empty_pb2.Empty, _context: object) -> resource_pb2.DeploymentInfo:  # noqa: N802
        return self._recorder.GetDeploymentInfo(request)

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest, _context: object
    ) -> resource_pb2.RegisterResourceResponse:
        return self._recorder.RegisterResource(request)

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest, _context: object
    ) -> empty_pb2.Empty:
        return self._recorder.RegisterResourceOutputs(request)

    def Invoke(  # noqa: N802
        self, request: resource_pb2.ResourceInvokeRequest, _context: object
    ) -> provider_pb2.InvokeResponse:
        return self._recorder.Invoke(request)


class EngineServer(engine_pb2_grpc.EngineServicer):
    """An engine that accepts log messages and shows nothing."""

    def Log(self, request: engine_pb2.LogRequest, _context: object) -> empty_pb2.Empty:  # noqa: N802
        del request
        return empty_pb2.Empty()


@frozen(kw_only=True)
class Provider:
    """A client of the running provider.

    Attributes:
        recorded: The resources that the provider has registered.
    """

    stub: provider_pb2_grpc.ResourceProviderStub
    monitor: str
    recorded: list[Recorded] = field(factory=list)

    def construct(self, kind: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Create a component, and return its outputs."""
        given = struct_pb2.Struct()
        given.update(inputs)
        answer = self.stub.Construct(
            provider_pb2.ConstructRequest(
                project=PROJECT,
                stack=STACK,
                type=f"anchor:index:{kind}",
                name=name,
                parent=PARENT,
                inputs=given,
                monitorEndpoint=self.monitor,
                parallel=4,
            )
        )
        return MessageToDict(answer.state)


def read_reasons(error: grpc.RpcError) -> str:
    """Return the message of a refused call, and the reasons for each property."""
    reasons = [error.details()]
    for name, value in error.trailing_metadata():
        if name == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                properties = errors_pb2.InputPropertiesError()
                packed.Unpack(properties)
                reasons += [each.reason for each in properties.errors]
    return "\n".join(reasons)


@contextlib.contextmanager
def run_provider(installed: Path) -> Generator[Provider]:
    """Start the provider, as Pulumi's engine does."""
    recorded: list[Recorded] = []
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    monitor = MonitorServer(Recorder(recorded, ProviderMocks()))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(EngineServer(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    process = subprocess.Popen(
        [sys.executable, str(installed / "anchor_deploy" / "provider"), address],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            yield Provider(stub=stub, monitor=address, recorded=recorded)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
        server.stop(grace=None).wait()
