"""Types as JSON Schema: attrs classes that requests are read into, and typed dicts that answers are."""

import re
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from attrs import NOTHING, Factory, fields, frozen, has

from reference.docstrings import attributes, summary
from runtime.shared.api.changes import UNCHANGED
from runtime.shared.api.inputs import Rule
from runtime.shared.api.shapes import Shape
from runtime.shared.converters import to_camel_case

Schema = dict[str, Any]

_PLAIN: Final[Mapping[Any, Schema]] = {
    Any: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
}
# Wrong for every rule, so that each says what it allows.
_WRONG: Final = "\0"
_SPECIFICATION: Final = re.compile(r" \([A-Z]\d+(?:, [A-Z]\d+)*\)")


@frozen(kw_only=True)
class Schemas:
    """The schemas of one document.

    Attributes:
        named: Those of classes, by name; what is asked for is added.
        closed: Whether answers are said to have no other fields. They may get some: only who checks that
            none shows more than it is meant to closes them.
    """

    named: dict[str, Schema] = Factory(dict)
    closed: bool = False

    def of(self, kind: Any) -> Schema:  # noqa: ANN401 - any annotation
        """The schema of a type.

        Raises:
            TypeError: It has none.
            UndocumentedError: A class in it has no docstring.
        """
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self._annotated(arguments[0], kind.__metadata__)
        if origin:
            return self._generic(origin, arguments)
        if has(kind) or is_typeddict(kind):
            return self._class(kind)
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        raise TypeError(f"{kind} has no JSON Schema: add one to reference/api_schema.py")

    def _generic(self, origin: Any, arguments: tuple[Any, ...]) -> Schema:  # noqa: ANN401 - any annotation
        if origin in (NotRequired, Required):
            return self.of(arguments[0])
        if origin in (Union, UnionType):
            return _either([self.of(one) for one in arguments])
        if origin is Literal:
            return {"enum": [*arguments]}
        if origin in (list, tuple):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        raise TypeError(f"{origin} has no JSON Schema: add one to reference/api_schema.py")

    def _annotated(self, kind: Any, notes: tuple[object, ...]) -> Schema:  # noqa: ANN401 - any annotation
        schema = self.of(kind)
        for note in notes:
            if isinstance(note, Rule):
                said = note.find_problem(_WRONG) or ""
                schema["description"] = f"{said[:1].upper()}{said[1:]}."
            elif isinstance(note, Shape):
                schema |= note.keywords
        return schema

    def _class(self, kind: type[Any]) -> Schema:
        name = kind.__name__.removesuffix("Document")
        if name not in self.named:
            self.named[name] = {}  # taken, should the class have itself in it
            self.named[name] = self._input(kind) if has(kind) else self._answer(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _input(self, kind: type[Any]) -> Schema:
        hints = get_type_hints(kind, include_extras=True)
        properties = {
            to_camel_case(each.name): {
                **self._field(kind, each.name, hints[each.name]),
                **_default(each.default),
            }
            for each in fields(kind)
        }
        schema = _object(
            kind, properties, [to_camel_case(e.name) for e in fields(kind) if e.default is NOTHING]
        )
        if any(each.default is UNCHANGED for each in fields(kind)):
            schema["minProperties"] = 1
        return {**schema, "additionalProperties": False}

    def _answer(self, kind: Any) -> Schema:  # noqa: ANN401 - a typed dict
        hints = get_type_hints(kind, include_extras=True)
        properties = {name: self._field(kind, name, hint) for name, hint in hints.items()}
        schema = _object(kind, properties, [name for name in hints if name in kind.__required_keys__])
        return {**schema, "additionalProperties": False} if self.closed else schema

    def _field(self, kind: type[Any], name: str, hint: Any) -> Schema:  # noqa: ANN401 - any annotation
        said = next((plain(own[name]) for own in map(attributes, _family(kind)) if name in own), None)
        schema = self.of(hint)
        if said is None:
            return schema
        return {**schema, "description": " ".join(filter(None, [said, schema.get("description")]))}


def _object(kind: type[Any], properties: Schema, required: list[str]) -> Schema:
    schema = {"type": "object", "description": plain(summary(kind)), "properties": properties}
    return {**schema, "required": required} if required else schema


def _family(kind: type[Any]) -> Iterator[type[Any]]:
    """A typed dict and those it has fields of; it is no subclass of them."""
    yield kind
    for base in getattr(kind, "__orig_bases__", ()):
        if is_typeddict(base):
            yield from _family(base)


def plain(said: str) -> str:
    """Without the ids of the specification, which are for those who read the code."""
    return _SPECIFICATION.sub("", said)


def _default(default: object) -> Schema:
    if default in (NOTHING, UNCHANGED, None) or isinstance(default, Factory):  # pyright: ignore[reportArgumentType] - attrs' Factory is a class
        return {}
    return {"default": default}


def _either(schemas: list[Schema]) -> Schema:
    """Two plain types are one list of types, which readers and generators of clients take better."""
    plain = [schema for schema in schemas if schema.keys() == {"type"}]
    others = [schema for schema in schemas if schema not in plain]
    if plain == [_PLAIN[NoneType]] and len(others) == 1 and isinstance(others[0].get("type"), str):
        values = {"enum": [*others[0]["enum"], None]} if "enum" in others[0] else {}
        return {**others[0], **values, "type": [others[0]["type"], "null"]}
    if not others:
        return {"type": [schema["type"] for schema in plain]}
    return {"anyOf": [*others, *plain]}
