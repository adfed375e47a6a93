"""The resources of the program, registered without components: what the program is compared with."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
import pulumi_aws as aws
from attrs import frozen

from benchmarks.recorded import Recorded, Within


@frozen
class Attribute:
    """An output of another resource.

    Attributes:
        of: The other's position.
        name: The attribute.
        within: Where the value is in it.
    """

    of: int
    name: str
    within: Within = ()


@frozen
class Sentence:
    """A text with outputs of other resources in it, as policies are.

    Attributes:
        outputs: Each once.
        pieces: The text: strings, and positions in `outputs`.
    """

    outputs: tuple[Attribute, ...]
    pieces: tuple[str | int, ...]

    def written(self, known: Sequence[str]) -> str:
        """The text when the outputs are known."""
        return "".join([piece if isinstance(piece, str) else known[piece] for piece in self.pieces])


@frozen(kw_only=True)
class RawResource:
    """A resource as somebody would write it by hand.

    Attributes:
        cls: The class of pulumi_aws.
        name: The resource's name.
        arguments: Keyword arguments without outputs.
        wired: Keyword arguments in which an Attribute or a Sentence stands somewhere.
        after: Positions of the resources that are named as dependencies.
        options: Further options.
    """

    cls: type[pulumi.CustomResource]
    name: str
    arguments: Mapping[str, Any]
    wired: Mapping[str, Any]
    after: tuple[int, ...]
    options: Mapping[str, Any]


def raw_resources(graph: Sequence[Recorded]) -> list[RawResource]:
    """Translate what a program registered, in its order.

    What an argument owes to another resource is wired to that one's output, wherever in the argument it
    stands: the resources have the same inputs, options and dependencies then.
    """
    positions = {each.urn: position for position, each in enumerate(graph)}
    return [_raw(each, graph, positions) for each in graph]


def register(resources: Sequence[RawResource]) -> None:
    """Register them, one after the other, below nothing."""
    made: list[pulumi.CustomResource] = []
    for resource in resources:
        wired: dict[str, Any] = {key: _given(value, made) for key, value in resource.wired.items()}
        options = pulumi.ResourceOptions(
            depends_on=[made[position] for position in resource.after], **resource.options
        )
        made.append(resource.cls(resource.name, opts=options, **resource.arguments, **wired))


def class_of(token: str) -> type[pulumi.CustomResource]:
    """The class of pulumi_aws by its type token, as `aws:dynamodb/table:Table`."""
    module = token.split(":")[1].split("/", maxsplit=1)[0]
    found = getattr(getattr(aws, "lambda_" if module == "lambda" else module), token.rpartition(":")[2])
    return cast("type[pulumi.CustomResource]", found)


def _raw(each: Recorded, graph: Sequence[Recorded], positions: Mapping[str, int]) -> RawResource:
    arguments: dict[str, Any] = {}
    wired: dict[str, Any] = {}
    referred: set[str] = set()
    for key, value in each.inputs.items():
        of = sorted(positions[urn] for urn in each.references.get(key, ()))
        found, used = _wired(value, [(position, graph[position].made) for position in of])
        if used != set(of):
            missing = [graph[position].urn for position in of if position not in used]
            raise ValueError(f"{key} of {each.urn} says nothing of {', '.join(missing)}: {value!r}")
        (wired if of else arguments)[_snake_case(key)] = found
        referred.update(each.references.get(key, ()))
    return RawResource(
        cls=class_of(each.type),
        name=each.name,
        arguments=arguments,
        wired=wired,
        after=tuple(sorted(positions[urn] for urn in each.after - referred)),
        options=each.options,
    )


def _wired(value: object, others: Sequence[tuple[int, Mapping[Within, str]]]) -> tuple[object, set[int]]:
    """The value with the outputs of these resources in it, and the positions of those that are in it."""
    known: dict[str, list[Attribute]] = {}
    for position, made in others:
        for (name, *within), text in made.items():
            attribute = Attribute(position, _snake_case(str(name)), tuple(map(_pythonic, within)))
            known.setdefault(text, []).append(attribute)
    if not known:
        return value, set()
    # The longest first: a name is part of the ARN.
    pattern = re.compile("|".join(re.escape(text) for text in sorted(known, key=len, reverse=True)))
    used: set[int] = set()

    def owner(text: str) -> Attribute:
        """Whose text it is; of several that are called the same, one that was not yet found."""
        found = next((each for each in known[text] if each.of not in used), known[text][0])
        used.add(found.of)
        return found

    def wire(item: object) -> object:
        if isinstance(item, str) and (texts := list(dict.fromkeys(pattern.findall(item)))):
            outputs = [owner(text) for text in texts]
            if item == texts[0]:
                return outputs[0]
            parts = re.split(f"({pattern.pattern})", item)
            return Sentence(
                tuple(outputs), tuple(texts.index(part) if part in known else part for part in parts if part)
            )
        if isinstance(item, dict):
            return {key: wire(inner) for key, inner in cast("dict[str, object]", item).items()}
        if isinstance(item, list):
            return [wire(inner) for inner in cast("list[object]", item)]
        return item

    return wire(value), used


def _given(value: object, made: Sequence[pulumi.CustomResource]) -> object:
    """The value with the outputs in it that the resources have now."""
    if isinstance(value, Attribute):
        return _output(value, made)
    if isinstance(value, Sentence):
        outputs = [_output(each, made) for each in value.outputs]
        if len(outputs) == 1:
            return outputs[0].apply(lambda known: value.written([known]))
        return pulumi.Output.all(*outputs).apply(value.written)
    if isinstance(value, dict):
        return {key: _given(inner, made) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_given(inner, made) for inner in cast("list[object]", value)]
    return value


def _output(of: Attribute, made: Sequence[pulumi.CustomResource]) -> pulumi.Output[str]:
    output = getattr(made[of.of], of.name)
    for key in of.within:
        output = output[key]
    return output


def _pythonic(key: str | int) -> str | int:
    return _snake_case(key) if isinstance(key, str) else key


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
