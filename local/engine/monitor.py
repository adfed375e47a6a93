"""The SDK's resource monitor, in process: its requests as plain values for the engine, and the answers."""

# ruff: noqa: N802 - the methods have the names of Pulumi's protocol

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2, resource_pb2

from local.engine.archives import properties_of
from local.providers.core.resource import Declared, Made, Properties

STACK_TYPE = "pulumi:pulumi:Stack"


@frozen(kw_only=True)
class Registration:
    """A custom resource that the program registers.

    Attributes:
        ignore_changes: Property paths whose later changes the program does not want carried out.
    """

    declared: Declared
    ignore_changes: tuple[str, ...]

    def with_ignored_from(self, old: Properties) -> Properties:
        """The declared properties, with those of `ignore_changes` as they were before."""
        properties: Properties = self.declared.properties
        for path in self.ignore_changes:
            keys = [key.strip("\"'") for key in re.split(r"\.|\[|\]", path) if key]
            properties = _replaced(properties, old, keys)
        return properties


def _replaced(new: Properties, old: Properties, keys: list[str]) -> Properties:
    key, *rest = keys
    result = dict(new)
    if rest:
        new_inner, old_inner = new.get(key), old.get(key)
        if isinstance(new_inner, dict) and isinstance(old_inner, dict):
            result[key] = _replaced(new_inner, old_inner, rest)
    elif key in old:
        result[key] = old[key]
    else:
        result.pop(key, None)
    return result


@define(kw_only=True)
class Monitor:
    """What the SDK registers resources with. Its methods are called by several threads.

    Attributes:
        register: Makes a custom resource; returns what it became.
        invoke: Calls a function of the provider, by token.
        outputs: The stack's outputs, after the run.
        warnings: What the program or the SDK warned of.
    """

    project: str
    stack: str
    root: Path
    register: Callable[[Registration], Made]
    invoke: Callable[[str, Properties], Properties]
    outputs: dict[str, Any] = field(factory=dict, init=False)
    warnings: list[str] = field(factory=list, init=False)

    def urn(self, parent: str, kind: str, name: str) -> str:
        """The URN, as Pulumi's engine makes it."""
        parent_kind = parent.split("::")[2] if parent else STACK_TYPE
        qualified = kind if parent_kind == STACK_TYPE else f"{parent_kind}${kind}"
        return f"urn:pulumi:{self.stack}::{self.project}::{qualified}::{name}"

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """A component gets a URN; a custom resource is made."""
        urn = self.urn(request.parent, request.type, request.name)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        declared = Declared(
            urn=urn,
            type=request.type,
            name=request.name,
            properties=properties_of(request.object, self.root),
        )
        made = self.register(Registration(declared=declared, ignore_changes=tuple(request.ignoreChanges)))
        answer = struct_pb2.Struct()
        answer.CopyFrom(request.object)
        answer.update(made.outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made.id, object=answer)

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """The stack's outputs are those of the run; those of components are for the program alone."""
        if f"::{STACK_TYPE}::" in request.urn:
            self.outputs.update(properties_of(request.outputs, self.root))
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        """A function of the provider."""
        answer = struct_pb2.Struct()
        answer.update(self.invoke(request.tok, properties_of(request.args, self.root)))
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})  # pyright: ignore[reportArgumentType] - the field is named by a keyword

    def Call(self, request: resource_pb2.ResourceCallRequest) -> None:
        """Methods of resources exist in providers that this program does not use."""
        raise NotImplementedError(f"the embedded cloud cannot call {request.tok}")

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> None:
        """Nothing exists before the program: there is nothing to get."""
        raise NotImplementedError(
            f"the program reads {request.type} {request.name!r} with the id {request.id}, but the embedded "
            "cloud holds only what the program itself makes"
        )

    def GetDeploymentInfo(self, _request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:
        """No optional feature: secrets and references to resources then arrive as plain values."""
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS]
        )

    def SignalAndWaitForShutdown(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        """The engine has nothing left to ask of the program."""
        return empty_pb2.Empty()

    def Log(self, request: engine_pb2.LogRequest) -> None:
        """What the SDK and the program say; warnings are kept."""
        if request.severity in {engine_pb2.WARNING, engine_pb2.ERROR}:
            self.warnings.append(request.message)
