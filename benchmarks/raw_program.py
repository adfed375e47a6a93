"""Registration of the program's resources without components, for the flat program."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
import pulumi_aws as aws
from attrs import frozen

from benchmarks.recorded import Recorded, Within


@frozen
class Attribute:
    """An output of a resource, which another resource uses as an input.

    Attributes:
        of: The position of the resource that has the output, in the order of registration.
        name: The name of the output.
        within: The path of the value within the output.
    """

    of: int
    name: str
    within: Within = ()


@frozen
class Template:
    """A text that contains outputs of other resources, such as a policy.

    Attributes:
        outputs: The outputs, without duplicates.
        pieces: The parts of the text: strings, and positions in `outputs`.
    """

    outputs: tuple[Attribute, ...]
    pieces: tuple[str | int, ...]

    def render(self, output_values: Sequence[str]) -> str:
        """Return the text with these values of `outputs`."""
        return "".join([piece if isinstance(piece, str) else output_values[piece] for piece in self.pieces])


@frozen(kw_only=True)
class RawResource:
    """A resource in the form in which a handwritten program would declare it.

    Attributes:
        cls: The class of pulumi_aws.
        name: The name of the resource.
        arguments: Keyword arguments without outputs.
        wired: Keyword arguments that contain outputs of other resources, as an Attribute or a Template.
        after: Positions of the resources in `depends_on`.
        options: Further resource options.
    """

    cls: type[pulumi.CustomResource]
    name: str
    arguments: Mapping[str, Any]
    wired: Mapping[str, Any]
    after: tuple[int, ...]
    options: Mapping[str, Any]


def convert_to_raw_resources(graph: Sequence[Recorded]) -> list[RawResource]:
    """Convert recorded resources into raw resources, in the same order.

    If an input contains the text of another resource's output, a reference to this output replaces the text.
    This also applies inside lists, mappings and longer texts. Therefore the raw resources have the same
    inputs, options and dependencies as in the program.

    Raises:
        ValueError: An input depends on a resource, but contains no output of this resource.
    """
    positions = {each.urn: position for position, each in enumerate(graph)}
    return [_convert_resource(each, graph, positions) for each in graph]


def register_resources(resources: Sequence[RawResource]) -> None:
    """Register the resources in order, without a parent."""
    made: list[pulumi.CustomResource] = []
    for resource in resources:
        wired: dict[str, Any] = {key: _resolve_outputs(value, made) for key, value in resource.wired.items()}
        options = pulumi.ResourceOptions(
            depends_on=[made[position] for position in resource.after], **resource.options
        )
        made.append(resource.cls(resource.name, opts=options, **resource.arguments, **wired))


def find_class(token: str) -> type[pulumi.CustomResource]:
    """Return the class of pulumi_aws for a type token such as `aws:dynamodb/table:Table`."""
    module = token.split(":")[1].split("/", maxsplit=1)[0]
    found = getattr(getattr(aws, "lambda_" if module == "lambda" else module), token.rpartition(":")[2])
    return cast("type[pulumi.CustomResource]", found)


def _convert_resource(each: Recorded, graph: Sequence[Recorded], positions: Mapping[str, int]) -> RawResource:
    arguments: dict[str, Any] = {}
    wired: dict[str, Any] = {}
    referred: set[str] = set()
    for key, value in each.inputs.items():
        of = sorted(positions[urn] for urn in each.references.get(key, ()))
        found, used = _replace_texts_by_outputs(value, [(position, graph[position].made) for position in of])
        if used != set(of):
            missing = [graph[position].urn for position in of if position not in used]
            raise ValueError(f"{key} of {each.urn} contains no output of {', '.join(missing)}: {value!r}")
        (wired if of else arguments)[_to_snake_case(key)] = found
        referred.update(each.references.get(key, ()))
    return RawResource(
        cls=find_class(each.type),
        name=each.name,
        arguments=arguments,
        wired=wired,
        after=tuple(sorted(positions[urn] for urn in each.after - referred)),
        options=each.options,
    )


def _replace_texts_by_outputs(
    value: object, others: Sequence[tuple[int, Mapping[Within, str]]]
) -> tuple[object, set[int]]:
    """Find outputs of other resources in an input, and replace their texts by references to these outputs.

    Args:
        value: An input of a resource.
        others: The resources on which the input depends: their positions, and the texts in their outputs.

    Returns:
        The input with the references, and the positions of the resources to which they refer.
    """
    known: dict[str, list[Attribute]] = {}
    for position, made in others:
        for (name, *within), text in made.items():
            attribute = Attribute(position, _to_snake_case(str(name)), tuple(map(_to_python_key, within)))
            known.setdefault(text, []).append(attribute)
    if not known:
        return value, set()
    # The longest text is matched first, because a resource's ARN contains its name.
    pattern = re.compile("|".join(re.escape(text) for text in sorted(known, key=len, reverse=True)))
    used: set[int] = set()

    def find_output(text: str) -> Attribute:
        """Return an output that has this text, if possible of a resource that the value does not use yet."""
        found = next((each for each in known[text] if each.of not in used), known[text][0])
        used.add(found.of)
        return found

    def replace_texts_in(item: object) -> object:
        if isinstance(item, str) and (texts := list(dict.fromkeys(pattern.findall(item)))):
            outputs = [find_output(text) for text in texts]
            if item == texts[0]:
                return outputs[0]
            parts = re.split(f"({pattern.pattern})", item)
            return Template(
                tuple(outputs), tuple(texts.index(part) if part in known else part for part in parts if part)
            )
        if isinstance(item, dict):
            return {key: replace_texts_in(inner) for key, inner in cast("dict[str, object]", item).items()}
        if isinstance(item, list):
            return [replace_texts_in(inner) for inner in cast("list[object]", item)]
        return item

    return replace_texts_in(value), used


def _resolve_outputs(value: object, registered: Sequence[pulumi.CustomResource]) -> object:
    """Return the value with each Attribute and Template replaced by an output of the registered resources."""
    if isinstance(value, Attribute):
        return _get_output(value, registered)
    if isinstance(value, Template):
        outputs = [_get_output(each, registered) for each in value.outputs]
        if len(outputs) == 1:
            return outputs[0].apply(lambda known: value.render([known]))
        return pulumi.Output.all(*outputs).apply(value.render)
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        return {key: _resolve_outputs(inner, registered) for key, inner in entries.items()}
    if isinstance(value, list):
        return [_resolve_outputs(inner, registered) for inner in cast("list[object]", value)]
    return value


def _get_output(attribute: Attribute, registered: Sequence[pulumi.CustomResource]) -> pulumi.Output[str]:
    output = getattr(registered[attribute.of], attribute.name)
    for key in attribute.within:
        output = output[key]
    return output


def _to_python_key(key: str | int) -> str | int:
    return _to_snake_case(key) if isinstance(key, str) else key


def _to_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
