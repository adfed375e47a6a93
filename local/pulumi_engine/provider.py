"""The AWS provider of the embedded cloud for Pulumi's engine: a gRPC server over `local.providers`.

It implements the service `pulumirpc.ResourceProvider` (pulumi/pulumi, proto/pulumi/provider.proto). The
engine attaches to the running server (`PULUMI_DEBUG_PROVIDERS`), so the server and the emulator are in one
process.

Differences from the real provider:
- Inputs are not completed with defaults. The state therefore contains only what the program declares.
- `diff` compares inputs only. `read` returns the inputs that the emulator has now, so `pulumi refresh` shows
  drift.
"""

# ruff: noqa: ARG002, N802 - Pulumi's protocol determines the names and the parameters of the methods

import contextlib
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc
from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from local.emulator.emulator import Emulator
from local.providers.core.read_back import select_declared
from local.providers.core.registry import COMPLETE_READERS, CREATORS, DELETERS, INVOKES, UPDATERS
from local.providers.core.replacements import (
    find_changed_properties,
    find_replacement_causes,
    is_deleted_before_replacement,
)
from local.providers.core.resource import CreatedResource, DeclaredResource, Properties, ProviderContext
from local.pulumi_engine.imports import ImportUnsupportedError, find_imported_resource
from local.pulumi_engine.properties import UNKNOWN_TEXT, read_declared, read_stored, to_plain_values

_HOST: Final = "127.0.0.1"
_VERSION: Final = "7.51.0"
_THREAD_COUNT: Final = 16
_UNLIMITED: Final = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
# In the state, marks the inputs that an import has read. The next update replaces these inputs.
_IMPORTED: Final = "__imported"
# For each resource type: for an input that is an object, the members of this object that are outputs.
_OUTPUTS_IN_INPUTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "aws:apigatewayv2/domainName:DomainName": {
        "domainNameConfiguration": ("hostedZoneId", "targetDomainName"),
    },
}
_Change = provider_pb2.DiffResponse.DiffChanges
_Kind = provider_pb2.PropertyDiff.Kind


class EmulatorProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Creates, reads, changes and deletes resources in the emulator.

    Args:
        emulator: The started emulator.
        root: Folder of the program, the base of relative paths of assets.
        on_step: Called with a verb and the URN: before each `create`, `update` and `delete`, and after each
            call of a creator (`created`). Tests use `on_step` to stop the engine at these points.
    """

    def __init__(
        self, emulator: Emulator, *, root: Path, on_step: Callable[[str, str], None] | None = None
    ) -> None:
        self._emulator = emulator
        self._root = root
        self._on_step = on_step or _ignore_step
        self._region = emulator.region

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Accept the engine.

        The answer declares no support for secrets. The engine therefore marks an output as secret if its
        input is secret.
        """
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Accept an engine that attaches to this server."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Return the version of pulumi-aws that this provider stands for."""
        return plugin_pb2.PluginInfo(version=_VERSION)

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Accept the provider's settings as they are."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Report no change, because all settings apply to new calls only."""
        return provider_pb2.DiffResponse(changes=_Change.DIFF_NONE)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Store the stage's region."""
        settings = to_plain_values(request.args)
        self._region = str(settings.get("region") or self._emulator.region)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Call a function of the provider."""
        function = INVOKES.get(request.tok)
        if function is None:
            _abort_call(
                context, f"the embedded cloud has no function {request.tok}: add it to local/providers"
            )
        arguments = to_plain_values(request.args)
        result = _run_operation(
            context, f"call {request.tok}", lambda: function(self._create_context({}), arguments)
        )
        return provider_pb2.InvokeResponse(**{"return": _to_struct(result)})  # pyright: ignore[reportArgumentType] - the field is named by a keyword

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Accept the inputs of a type that the embedded cloud can create."""
        kind = _read_type(request.urn)
        if kind in CREATORS:
            return provider_pb2.CheckResponse(inputs=request.news)
        problem = f"the embedded cloud cannot create a {kind}: add a function for it to local/providers"
        return provider_pb2.CheckResponse(
            inputs=request.news, failures=[provider_pb2.CheckFailure(reason=problem)]
        )

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Return the inputs that have changed, and those of them that force a replacement."""
        kind = _read_type(request.urn)
        old, new = to_plain_values(request.old_inputs), to_plain_values(request.news)
        for name in request.ignoreChanges:
            if name in old:
                new[name] = old[name]
            else:
                new.pop(name, None)
        if old.pop(_IMPORTED, False):
            # The inputs of an imported resource contain the defaults of AWS. Like the AWS provider, compare
            # only what the program declares.
            old = select_declared(new, old)
        changed = find_changed_properties(old, new)
        replaced = find_replacement_causes(kind, old, new, default_region=self._region)
        return provider_pb2.DiffResponse(
            changes=_Change.DIFF_SOME if changed else _Change.DIFF_NONE,
            diffs=changed,
            replaces=replaced,
            deleteBeforeReplace=is_deleted_before_replacement(kind, old, new),
            hasDetailedDiff=True,
            detailedDiff={
                name: provider_pb2.PropertyDiff(
                    kind=_find_difference_kind(name, old, new, is_replaced=name in replaced), inputDiff=True
                )
                for name in changed
            },
        )

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Create the resource.

        In a preview, return only the inputs. The engine treats all other outputs as unknown. If an output is
        a member of an input, this method marks it as unknown.
        """
        if request.preview:
            properties = struct_pb2.Struct()
            properties.CopyFrom(request.properties)
            for block, names in _OUTPUTS_IN_INPUTS.get(_read_type(request.urn), {}).items():
                if properties.fields[block].HasField("struct_value"):
                    properties.fields[block].struct_value.update(dict.fromkeys(names, UNKNOWN_TEXT))
            return provider_pb2.CreateResponse(properties=properties)
        declared = self._declare(request.urn, request.properties)
        self._on_step("create", request.urn)
        try:
            made = _run_operation(
                context,
                f"create {declared.name}",
                lambda: CREATORS[declared.type](self._create_context(declared.properties), declared),
            )
        finally:
            self._on_step("created", request.urn)
        return provider_pb2.CreateResponse(id=made.id, properties=_add_outputs(request.properties, made))

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Return the present inputs of the resource. The outputs are all properties that AWS knows.

        As with the AWS provider, the inputs contain only properties that the program declares. An empty
        answer says that the resource does not exist.
        """
        kind = _read_type(request.urn)
        if kind not in COMPLETE_READERS:
            _abort_call(context, f"the embedded cloud cannot read a {kind}: add a reader to local/providers")
        if not request.inputs.fields and not request.properties.fields:
            return self._import(request, context)
        inputs = read_stored(request.inputs)
        declared = DeclaredResource(
            urn=request.urn, type=kind, name=_read_name(request.urn), properties=inputs
        )
        made = CreatedResource(id=request.id, outputs=read_stored(request.properties))
        found = _run_operation(
            context,
            f"read {declared.name}",
            lambda: COMPLETE_READERS[kind](self._create_context(inputs), declared, made),
        )
        if found is None:
            return provider_pb2.ReadResponse()
        selected = select_declared(inputs, found)
        outputs = _replace_values(request.properties, inputs, selected)
        outputs.update({name: value for name, value in found.items() if name not in inputs and value})
        return provider_pb2.ReadResponse(
            id=request.id, inputs=_replace_values(request.inputs, inputs, selected), properties=outputs
        )

    def _import(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Return an existing resource to `pulumi import`. Its inputs are all properties that AWS knows."""
        kind, name = _read_type(request.urn), _read_name(request.urn)
        aws = self._create_context({})

        def read() -> provider_pb2.ReadResponse:
            imported = find_imported_resource(aws, kind, request.id)
            declared = DeclaredResource(urn=request.urn, type=kind, name=name, properties=imported.inputs)
            made = CreatedResource(id=imported.id, outputs=imported.outputs)
            found = COMPLETE_READERS[kind](aws, declared, made)
            if found is None:
                return provider_pb2.ReadResponse()
            known = {key: value for key, value in found.items() if value is not None} | imported.inputs
            return provider_pb2.ReadResponse(
                id=imported.id,
                inputs=_to_struct({**known, _IMPORTED: True}),
                properties=_to_struct({**known, **imported.outputs}),
            )

        return _run_operation(context, f"import {name}", read)

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Change the resource in place.

        A preview returns the new inputs and the old outputs. If the outputs were unknown, Pulumi would show
        changes of all resources that refer to this resource.
        """
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_merge_outputs(request))
        declared = self._declare(request.urn, request.news)
        update = UPDATERS.get(declared.type)
        if update is None:
            _abort_call(
                context, f"the embedded cloud cannot change a {declared.type}: register an update of it"
            )
        made = CreatedResource(id=request.id, outputs=read_stored(request.olds))
        self._on_step("update", request.urn)
        changed = _run_operation(
            context,
            f"update {declared.name}",
            lambda: update(self._create_context(declared.properties), declared, made),
        )
        return provider_pb2.UpdateResponse(properties=_add_outputs(_merge_outputs(request), changed))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete the resource."""
        kind = _read_type(request.urn)
        delete = DELETERS.get(kind)
        if delete is None:
            _abort_call(context, f"the embedded cloud cannot delete a {kind}: register a deletion of it")
        inputs = read_stored(request.old_inputs)
        declared = DeclaredResource(
            urn=request.urn, type=kind, name=_read_name(request.urn), properties=inputs
        )
        made = CreatedResource(id=request.id, outputs=read_stored(request.properties))
        self._on_step("delete", request.urn)
        _run_operation(
            context,
            f"delete {declared.name}",
            lambda: delete(self._create_context(inputs), declared, made),
        )
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Let running calls finish. Each one takes less than a second."""
        return empty_pb2.Empty()

    def _declare(self, urn: str, properties: struct_pb2.Struct) -> DeclaredResource:
        return DeclaredResource(
            urn=urn,
            type=_read_type(urn),
            name=_read_name(urn),
            properties=read_declared(properties, self._root),
        )

    def _create_context(self, properties: Mapping[str, Any]) -> ProviderContext:
        return ProviderContext(emulator=self._emulator, region=str(properties.get("region") or self._region))


@contextlib.contextmanager
def run_provider(
    emulator: Emulator, *, root: Path, on_step: Callable[[str, str], None] | None = None
) -> Generator[int]:
    """Serve the provider on loopback until the context ends, and yield the port."""
    server = grpc.server(ThreadPoolExecutor(_THREAD_COUNT, thread_name_prefix="provider"), options=_UNLIMITED)
    provider = EmulatorProvider(emulator, root=root, on_step=on_step)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port(f"{_HOST}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def _ignore_step(verb: str, urn: str) -> None:
    """Do nothing."""


def _read_type(urn: str) -> str:
    """Return the type token of a URN, without the types of its parents."""
    return urn.split("::")[2].rpartition("$")[2]


def _read_name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _find_difference_kind(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], *, is_replaced: bool
) -> provider_pb2.PropertyDiff.Kind.ValueType:
    if name not in old:
        return _Kind.ADD_REPLACE if is_replaced else _Kind.ADD
    if name not in new:
        return _Kind.DELETE_REPLACE if is_replaced else _Kind.DELETE
    return _Kind.UPDATE_REPLACE if is_replaced else _Kind.UPDATE


def _add_outputs(properties: struct_pb2.Struct, made: CreatedResource) -> struct_pb2.Struct:
    answer = struct_pb2.Struct()
    answer.CopyFrom(properties)
    answer.update(made.outputs)
    return answer


def _merge_outputs(request: provider_pb2.UpdateRequest) -> struct_pb2.Struct:
    """Return the new inputs together with the old outputs that are not inputs."""
    inputs = {*to_plain_values(request.old_inputs), *to_plain_values(request.news)}
    answer = struct_pb2.Struct()
    answer.CopyFrom(request.olds)
    for name in inputs & set(answer.fields):
        del answer.fields[name]
    answer.MergeFrom(request.news)
    return answer


def _replace_values(stored: struct_pb2.Struct, inputs: Properties, present: Properties) -> struct_pb2.Struct:
    """Return the stored properties, but with the present value of each input that has changed in AWS."""
    answer = struct_pb2.Struct()
    answer.CopyFrom(stored)
    for name in {*inputs, *present}:
        if name in present and present[name] != inputs.get(name):
            answer.update({name: present[name]})
        elif name not in present and name in answer:
            del answer.fields[name]
    return answer


def _to_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    answer = struct_pb2.Struct()
    answer.update(dict(values))
    return answer


def _run_operation(context: grpc.ServicerContext, action: str, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - the result of any operation
    """Return the result of an operation. If the operation fails, end the call with the error's message."""
    try:
        return act()
    except (ClientError, BotoCoreError) as error:
        _abort_call(context, f"cannot {action}: {error}")
    except ImportUnsupportedError as error:
        _abort_call(context, str(error))
    except KeyError as error:
        _abort_call(context, f"cannot {action}: the property {error} is missing")


def _abort_call(context: grpc.ServicerContext, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, message)
