"""A preview before the first deployment of a stage. At that time, no ARN and no generated id is known."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

from tests.components.recorder import (
    Mocks,
    Recorded,
    Recorder,
    create_layers,
    generate_outputs,
    get_recording,
    read_configuration,
    record_program,
    run_main,
)

STAGE = "production"


class _UnknownOutputs(Mocks):
    """Mocks that return a resource's inputs, and unknown values for everything that AWS generates."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            return None, {}
        return None, {**_replace_by_unknown(generate_outputs(args.typ, args.name)), **args.inputs}


class _Preview(Recorder):
    preview = True

    def __init__(self, recorded: list[Recorded]) -> None:
        super().__init__(recorded, _UnknownOutputs())

    def _read_request(self, request: resource_pb2.RegisterResourceRequest) -> Recorded:
        return attrs.evolve(super()._read_request(request), inputs=MessageToDict(request.object))


def _replace_by_unknown(output: Any) -> Any:  # noqa: ANN401 - any output of a resource
    if isinstance(output, Mapping):
        return {key: _replace_by_unknown(value) for key, value in output.items()}
    return [_replace_by_unknown(value) for value in output] if isinstance(output, list) else rpc.UNKNOWN


def _find_texts(value: Any, place: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any input of a resource
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _find_texts(item, f"{place}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _find_texts(item, f"{place}.{number}")


def test_previewed_inputs_are_unknown_or_equal_to_the_final_inputs() -> None:
    """In a preview, no policy, key or address contains a placeholder text in place of an unknown value."""
    with create_layers() as layers:
        config = {**read_configuration(STAGE), "anchor-deploy:layers": str(layers)}
        previewed = record_program(run_main, STAGE, config, monitor=_Preview).resources
    made = {each.urn: dict(_find_texts(each.inputs, "")) for each in get_recording(STAGE).resources}
    assert {each.urn for each in previewed} == made.keys()
    previewed_texts = [(each, dict(_find_texts(each.inputs, ""))) for each in previewed]
    differ = {
        (each.urn, place): text
        for each, texts in previewed_texts
        for place, text in texts.items()
        if text != rpc.UNKNOWN and place in made[each.urn] and text != made[each.urn][place]
    }
    assert differ == {}
    policies = [texts for each, texts in previewed_texts if each.type == "aws:iam/rolePolicy:RolePolicy"]
    assert {texts[".policy"] for texts in policies} == {rpc.UNKNOWN}, (
        "each policy contains the ARN of its log group"
    )
