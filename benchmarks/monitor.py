"""A resource monitor that answers at once, so that only the program and the Pulumi SDK are measured."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pulumi
from attrs import frozen
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

from benchmarks.recorded import Recorded, Within
from local.engine.monitor import Monitor
from local.engine.program import run_program
from tests.components.recorder import ACCOUNT, generate_outputs

PROJECT: Final = "anchor-deploy"
_NAMES: Final = ("name", "bucket", "layerName")


@frozen(kw_only=True)
class Registered:
    """A registered resource.

    Attributes:
        urn: The URN of the resource.
        request: The request of the SDK.
        made: The outputs that the monitor generated, including `id`. Inputs are not in this mapping.
    """

    urn: str
    request: resource_pb2.RegisterResourceRequest
    made: Mapping[str, Any]

    @property
    def is_custom_resource(self) -> bool:
        """Whether this is a resource of AWS and not a component."""
        return self.request.custom

    def to_recorded(self) -> Recorded:
        """Return the resource in a form that can be pickled, with the content of its files."""
        request = self.request
        return Recorded(
            urn=self.urn,
            type=request.type,
            name=request.name,
            inputs=_inline_archives(rpc.deserialize_properties(request.object)),
            references={
                key: frozenset(of.urns) for key, of in request.propertyDependencies.items() if of.urns
            },
            after=frozenset(request.dependencies),
            options={
                "protect": request.protect,
                "retain_on_delete": request.retainOnDelete,
                "ignore_changes": list(request.ignoreChanges),
            },
            made=dict(_iterate_strings(self.made)),
        )


def record_program(
    program: Callable[[], object], stage: str, config: Mapping[str, object]
) -> list[Registered]:
    """Run a program, and return its resources in the order of their registration."""
    monitor = _Monitor(stage)
    run_program(program, monitor, project=PROJECT, stack=stage, config=config)
    return monitor.registered


class _Monitor(Monitor):
    def __init__(self, stage: str) -> None:
        super().__init__(
            project=PROJECT,
            stack=stage,
            root=Path(),
            register=_raise_not_implemented,
            invoke=lambda _token, _arguments: {"accountId": ACCOUNT, "id": ACCOUNT},
        )
        self.registered: list[Registered] = []

    def RegisterResource(  # noqa: N802 - the name in the gRPC protocol
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.build_urn(request.parent, request.type, request.name)
        if not request.custom:
            if request.parent:
                self.registered.append(Registered(urn=urn, request=request, made={}))
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        given = (request.object.fields[key].string_value for key in _NAMES if key in request.object.fields)
        name = next(given, request.name)
        answer = struct_pb2.Struct()
        outputs = generate_outputs(request.type, name)
        answer.update(outputs)
        _merge_inputs_into(answer, request.object)
        self.registered.append(Registered(urn=urn, request=request, made={"id": name, **outputs}))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=name, object=answer)

    def RegisterResourceOutputs(  # noqa: N802 - the name in the gRPC protocol
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        del request
        return empty_pb2.Empty()


def _raise_not_implemented(_registration: object) -> Any:  # noqa: ANN401 - never returns
    raise NotImplementedError


def _merge_inputs_into(outputs: struct_pb2.Struct, inputs: struct_pb2.Struct) -> None:
    """Add the inputs to the outputs. Inputs take precedence, as in `tests/components/recorder.py`."""
    for key, value in inputs.fields.items():
        if value.HasField("struct_value") and key in outputs.fields:
            _merge_inputs_into(outputs.fields[key].struct_value, value.struct_value)
        else:
            outputs.fields[key].CopyFrom(value)


def _iterate_strings(value: object, *path: str | int) -> Iterator[tuple[Within, str]]:
    """Yield the strings in a value with their paths."""
    match value:
        case str() if value:
            yield path, value
        case dict():
            for key, item in value.items():
                yield from _iterate_strings(item, *path, key)
        case list():
            for index, item in enumerate(value):
                yield from _iterate_strings(item, *path, index)
        case _:
            pass


def _inline_archives(value: Any) -> Any:  # noqa: ANN401 - any input of a resource
    """Return the value with each archive of a folder replaced by an archive that contains the files' content.

    This is necessary, because the caller can delete the folders before the value is used.
    """
    if isinstance(value, pulumi.FileArchive):
        files = sorted(path for path in Path(value.path).rglob("*") if path.is_file())
        return pulumi.AssetArchive(
            {
                path.relative_to(value.path).as_posix(): pulumi.StringAsset(path.read_text("utf-8"))
                for path in files
            }
        )
    if isinstance(value, dict):
        return {key: _inline_archives(item) for key, item in value.items()}
    return value
