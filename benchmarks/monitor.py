"""The engine that a program is measured against: it answers at once, and does nothing else.

Pulumi's own engine runs in another process. What is measured is the program and the SDK under it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import pulumi
from attrs import frozen
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

from local.monitor import Monitor
from local.program import run_program
from tests.components.recorder import ACCOUNT, computed

PROJECT: Final = "anchor-deploy"
_NAMES: Final = ("name", "bucket", "layerName")

Portable: TypeAlias = tuple[str, str, dict[str, Any], dict[str, str]]
"""A resource for another process: type token, name, inputs, and the ARN and the id that it got."""


@frozen(kw_only=True)
class Registered:
    """What the program asked for.

    Attributes:
        type: The type token.
        name: The resource's name.
        custom: Whether AWS has it, and not just the program, as a component.
        inputs: As the SDK sent them.
        made: The ARN and the id that it got.
    """

    type: str
    name: str
    custom: bool
    inputs: struct_pb2.Struct
    made: dict[str, str]

    def portable(self) -> Portable:
        """The resource for another process, with the content of its files."""
        return self.type, self.name, _with_content(rpc.deserialize_properties(self.inputs)), self.made


def run(program: Callable[[], object], stage: str, config: Mapping[str, object]) -> list[Registered]:
    """Run a program to its end; returns what it registered, in its order."""
    monitor = _Monitor(stage)
    run_program(program, monitor, project=PROJECT, stack=stage, config=config)
    return monitor.registered


class _Monitor(Monitor):
    def __init__(self, stage: str) -> None:
        super().__init__(
            project=PROJECT,
            stack=stage,
            root=Path(),
            register=_never,
            invoke=lambda _token, _arguments: {"accountId": ACCOUNT, "id": ACCOUNT},
        )
        self.registered: list[Registered] = []

    def RegisterResource(  # noqa: N802 - the protocol's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.urn(request.parent, request.type, request.name)
        if not request.custom:
            if request.parent:
                self.registered.append(_registered(request, {}))
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        given = (request.object.fields[key].string_value for key in _NAMES if key in request.object.fields)
        name = next(given, request.name)
        answer = struct_pb2.Struct()
        outputs = computed(request.type, name)
        answer.update(outputs)
        # What a resource is given wins, as with the recorder's mocks.
        answer.MergeFrom(request.object)
        self.registered.append(_registered(request, {"arn": outputs["arn"], "id": name}))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=name, object=answer)

    def RegisterResourceOutputs(  # noqa: N802 - the protocol's name
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        del request
        return empty_pb2.Empty()


def _never(_registration: object) -> Any:  # noqa: ANN401 - returns nothing at all
    raise NotImplementedError


def _registered(request: resource_pb2.RegisterResourceRequest, made: dict[str, str]) -> Registered:
    return Registered(
        type=request.type, name=request.name, custom=request.custom, inputs=request.object, made=made
    )


def _with_content(value: Any) -> Any:  # noqa: ANN401 - whatever a resource takes
    """With archives of folders, which may be gone by then, as archives of their files' content."""
    if isinstance(value, pulumi.FileArchive):
        files = sorted(path for path in Path(value.path).rglob("*") if path.is_file())
        return pulumi.AssetArchive(
            {
                path.relative_to(value.path).as_posix(): pulumi.StringAsset(path.read_text("utf-8"))
                for path in files
            }
        )
    if isinstance(value, dict):
        return {key: _with_content(item) for key, item in value.items()}
    return value
