"""The engine that a program is measured against: it answers at once, and does nothing else.

Pulumi's own engine runs in another process. What is measured is the program and the SDK under it.
"""

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
from tests.components.recorder import ACCOUNT, computed

PROJECT: Final = "anchor-deploy"
_NAMES: Final = ("name", "bucket", "layerName")


@frozen(kw_only=True)
class Registered:
    """What the program asked for.

    Attributes:
        urn: The URN that it got.
        request: As the SDK sent it.
        made: What else it got, beside its inputs.
    """

    urn: str
    request: resource_pb2.RegisterResourceRequest
    made: Mapping[str, Any]

    @property
    def custom(self) -> bool:
        """Whether AWS has it, and not just the program, as a component."""
        return self.request.custom

    def portable(self) -> Recorded:
        """The resource for another process, with the content of its files."""
        request = self.request
        return Recorded(
            urn=self.urn,
            type=request.type,
            name=request.name,
            inputs=_with_content(rpc.deserialize_properties(request.object)),
            refers={key: frozenset(of.urns) for key, of in request.propertyDependencies.items() if of.urns},
            after=frozenset(request.dependencies),
            options={
                "protect": request.protect,
                "retain_on_delete": request.retainOnDelete,
                "ignore_changes": list(request.ignoreChanges),
            },
            made=dict(_texts(self.made)),
        )


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
        urn = self.build_urn(request.parent, request.type, request.name)
        if not request.custom:
            if request.parent:
                self.registered.append(Registered(urn=urn, request=request, made={}))
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        given = (request.object.fields[key].string_value for key in _NAMES if key in request.object.fields)
        name = next(given, request.name)
        answer = struct_pb2.Struct()
        outputs = computed(request.type, name)
        answer.update(outputs)
        _merge(answer, request.object)
        self.registered.append(Registered(urn=urn, request=request, made={"id": name, **outputs}))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=name, object=answer)

    def RegisterResourceOutputs(  # noqa: N802 - the protocol's name
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        del request
        return empty_pb2.Empty()


def _never(_registration: object) -> Any:  # noqa: ANN401 - returns nothing at all
    raise NotImplementedError


def _merge(made: struct_pb2.Struct, given: struct_pb2.Struct) -> None:
    """What a resource is given wins, as with the recorder's mocks."""
    for key, value in given.fields.items():
        if value.HasField("struct_value") and key in made.fields:
            _merge(made.fields[key].struct_value, value.struct_value)
        else:
            made.fields[key].CopyFrom(value)


def _texts(value: object, *path: str | int) -> Iterator[tuple[Within, str]]:
    """The strings in a value, with where they are in it."""
    match value:
        case str() if value:
            yield path, value
        case dict():
            for key, item in value.items():
                yield from _texts(item, *path, key)
        case list():
            for index, item in enumerate(value):
                yield from _texts(item, *path, index)
        case _:
            pass


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
