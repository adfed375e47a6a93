"""The resource monitor for Pulumi's SDK, in this process. It converts the SDK's requests to plain values.

The SDK sends the registrations of resources to the resource monitor, which is a part of Pulumi's engine.
"""

# ruff: noqa: N802 - the methods have the names of Pulumi's protocol

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import alias_pb2, engine_pb2, resource_pb2

from local.engine.archives import read_properties
from local.providers.core.resource import CreatedResource, DeclaredResource, Properties

STACK_TYPE = "pulumi:pulumi:Stack"


@frozen(kw_only=True)
class Registration:
    """A custom resource that the program registers.

    Attributes:
        ignore_changes: Property paths whose later changes must not be applied.
        dependencies: For each property, the URNs of the resources whose outputs it contains.
        former_urns: URNs that the resource possibly had before, one for each alias in the program.
    """

    declared: DeclaredResource
    ignore_changes: tuple[str, ...]
    dependencies: Mapping[str, frozenset[str]]
    former_urns: tuple[str, ...] = ()

    def find_dependencies(self, properties: Iterable[str]) -> frozenset[str]:
        """Return the URNs of all resources whose outputs are in the given properties."""
        return frozenset().union(*(self.dependencies.get(name, ()) for name in properties))

    def restore_ignored(self, old: Properties) -> Properties:
        """Return the declared properties, but with the old values at the paths of `ignore_changes`."""
        properties: Properties = self.declared.properties
        for path in self.ignore_changes:
            keys = [key.strip("\"'") for key in re.split(r"\.|\[|\]", path) if key]
            properties = _restore_old_value(properties, old, keys)
        return properties


def _restore_old_value(new: Properties, old: Properties, keys: list[str]) -> Properties:
    key, *rest = keys
    result = dict(new)
    if rest:
        new_inner, old_inner = new.get(key), old.get(key)
        if isinstance(new_inner, dict) and isinstance(old_inner, dict):
            result[key] = _restore_old_value(new_inner, old_inner, rest)
    elif key in old:
        result[key] = old[key]
    else:
        result.pop(key, None)
    return result


@define(kw_only=True)
class Monitor:
    """A resource monitor for the SDK. Its methods are called by several threads.

    Attributes:
        register: Creates or updates a custom resource and returns the result.
        invoke: Calls a function of the provider, by token.
        outputs: The stack's outputs, after the run.
        warnings: Warnings and errors that the program and the SDK have logged.
    """

    project: str
    stack: str
    root: Path
    register: Callable[[Registration], CreatedResource]
    invoke: Callable[[str, Properties], Properties]
    outputs: dict[str, Any] = field(factory=dict, init=False)
    warnings: list[str] = field(factory=list, init=False)

    def build_urn(self, parent: str, kind: str, name: str) -> str:
        """Return the URN in the format of Pulumi's engine."""
        parent_kind = parent.split("::")[2] if parent else STACK_TYPE
        qualified = kind if parent_kind == STACK_TYPE else f"{parent_kind}${kind}"
        return f"urn:pulumi:{self.stack}::{self.project}::{qualified}::{name}"

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Register a resource. A custom resource is created or updated. A component only gets a URN."""
        urn = self.build_urn(request.parent, request.type, request.name)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        declared = DeclaredResource(
            urn=urn,
            type=request.type,
            name=request.name,
            properties=read_properties(request.object, self.root),
        )
        made = self.register(
            Registration(
                declared=declared,
                ignore_changes=tuple(request.ignoreChanges),
                dependencies={
                    name: frozenset(dependencies.urns)
                    for name, dependencies in request.propertyDependencies.items()
                },
                former_urns=tuple(self._build_former_urn(request, alias) for alias in request.aliases),
            )
        )
        answer = struct_pb2.Struct()
        answer.CopyFrom(request.object)
        answer.update(made.outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made.id, object=answer)

    def _build_former_urn(self, request: resource_pb2.RegisterResourceRequest, alias: alias_pb2.Alias) -> str:
        """Return the URN that an alias names. Parts that the alias omits are those of the resource's URN."""
        if alias.urn:
            return alias.urn
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        return self.build_urn(parent, spec.type or request.type, spec.name or request.name)

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Store the stack's outputs. Outputs of components are not needed."""
        if f"::{STACK_TYPE}::" in request.urn:
            self.outputs.update(read_properties(request.outputs, self.root))
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        """Call a function of the provider."""
        answer = struct_pb2.Struct()
        answer.update(self.invoke(request.tok, read_properties(request.args, self.root)))
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})  # pyright: ignore[reportArgumentType] - the field is named by a keyword

    def Call(self, request: resource_pb2.ResourceCallRequest) -> None:
        """Refuse calls of a resource's methods. The providers of this program have no such methods."""
        raise NotImplementedError(f"the embedded cloud cannot call {request.tok}")

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> None:
        """Refuse to read a resource, because no resource exists before the program runs."""
        raise NotImplementedError(
            f"the program reads {request.type} {request.name!r} with the id {request.id}, but the embedded "
            "cloud has only the resources that the program creates"
        )

    def GetDeploymentInfo(self, _request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:
        """Report only the support for aliases.

        Because the other features are not reported, the SDK sends secrets and resource references as plain
        values.
        """
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS]
        )

    def SignalAndWaitForShutdown(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        """Return at once: the engine needs nothing more from the program."""
        return empty_pb2.Empty()

    def Log(self, request: engine_pb2.LogRequest) -> None:
        """Store the warnings and errors of the SDK and of the program."""
        if request.severity in {engine_pb2.WARNING, engine_pb2.ERROR}:
            self.warnings.append(request.message)
