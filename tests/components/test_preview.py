"""What `pulumi preview` is told before a stage's first deployment, when no ARN and no id is known."""

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
    built_layers,
    computed,
    configuration,
    record_program,
    recording,
    run_main,
)

STAGE = "production"


class _Unmade(Mocks):
    """Knows of a resource what it is given, and nothing that AWS adds."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            return None, {}
        return None, {**_unknown(computed(args.typ, args.name)), **args.inputs}


class _Preview(Recorder):
    preview = True

    def __init__(self, recorded: list[Recorded]) -> None:
        super().__init__(recorded, _Unmade())

    def _recorded(self, request: resource_pb2.RegisterResourceRequest) -> Recorded:
        return attrs.evolve(super()._recorded(request), inputs=MessageToDict(request.object))


def _unknown(made: Any) -> Any:  # noqa: ANN401 - whatever AWS adds
    if isinstance(made, Mapping):
        return {key: _unknown(value) for key, value in made.items()}
    return [_unknown(value) for value in made] if isinstance(made, list) else rpc.UNKNOWN


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever a resource takes
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{place}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{place}.{number}")


def test_a_text_of_what_is_not_known_yet_is_unknown_and_every_other_one_is_what_will_be_made() -> None:
    """No policy, key or address is made up of placeholders."""
    with built_layers() as layers:
        config = {**configuration(STAGE), "anchor-deploy:layers": str(layers)}
        previewed = record_program(run_main, STAGE, config, monitor=_Preview).resources
    made = {each.urn: dict(_texts(each.inputs, "")) for each in recording(STAGE).resources}
    assert {each.urn for each in previewed} == made.keys()
    told = [(each, dict(_texts(each.inputs, ""))) for each in previewed]
    differ = {
        (each.urn, place): text
        for each, texts in told
        for place, text in texts.items()
        if text != rpc.UNKNOWN and place in made[each.urn] and text != made[each.urn][place]
    }
    assert differ == {}
    policies = [texts for each, texts in told if each.type == "aws:iam/rolePolicy:RolePolicy"]
    assert {texts[".policy"] for texts in policies} == {rpc.UNKNOWN}, "each names at least its log group"
