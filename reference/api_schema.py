"""Generator of the JSON Schemas of an API: for attrs classes of requests and typed dicts of responses."""

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
)

from attrs import NOTHING, Factory, fields, frozen, has
from typing_extensions import is_typeddict

from reference.docstrings import read_attributes, read_summary
from runtime.shared.api.changes import UNCHANGED
from runtime.shared.api.inputs import Rule
from runtime.shared.api.shapes import Shape
from runtime.shared.converters import to_camel_case

Schema = dict[str, Any]

_SCALARS: Final[Mapping[Any, Schema]] = {
    Any: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
}
# The validation rule of every field refuses this value, with a message that lists the allowed values. The
# schema of the field contains this message as description.
_INVALID: Final = "\0"
_REQUIREMENT_IDS: Final = re.compile(r" \([A-Z]\d+(?:, [A-Z]\d+)*\)")


@frozen(kw_only=True)
class Schemas:
    """The schemas of one document.

    Attributes:
        named: Schemas of classes, by name. Each call of `build_schema` adds the missing schemas of the
            classes that the type contains.
        closed: Forbid additional fields in responses. Published documents allow additional fields, so that
            fields can be added later. Tests forbid them, to find fields that a response should not contain.
    """

    named: dict[str, Schema] = Factory(dict)
    closed: bool = False

    def build_schema(self, annotation: Any) -> Schema:  # noqa: ANN401 - any annotation
        """Return the schema of a type. For a class, the result only refers to the schema in `named`.

        Raises:
            TypeError: The type, or a type that it contains, is not supported.
            UndocumentedError: A class that the type contains has no docstring.
        """
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._build_annotated_schema(arguments[0], annotation.__metadata__)
        if origin:
            return self._build_generic_schema(origin, arguments)
        if has(annotation) or is_typeddict(annotation):
            return self._build_class_reference(annotation)
        if annotation in _SCALARS:
            return dict(_SCALARS[annotation])
        raise TypeError(f"{annotation} has no JSON Schema: add one to reference/api_schema.py")

    def _build_generic_schema(self, origin: Any, arguments: tuple[Any, ...]) -> Schema:  # noqa: ANN401 - any annotation
        if origin in (NotRequired, Required):
            return self.build_schema(arguments[0])
        if origin in (Union, UnionType):
            return _build_union_schema([self.build_schema(one) for one in arguments])
        if origin is Literal:
            return {"enum": [*arguments]}
        if origin in (list, tuple):
            return {"type": "array", "items": self.build_schema(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.build_schema(arguments[1])}
        raise TypeError(f"{origin} has no JSON Schema: add one to reference/api_schema.py")

    def _build_annotated_schema(self, annotation: Any, notes: tuple[object, ...]) -> Schema:  # noqa: ANN401 - any annotation
        schema = self.build_schema(annotation)
        for note in notes:
            if isinstance(note, Rule):
                problem = note.find_problem(_INVALID) or ""
                schema["description"] = f"{problem[:1].upper()}{problem[1:]}."
            elif isinstance(note, Shape):
                schema |= note.keywords
        return schema

    def _build_class_reference(self, kind: type[Any]) -> Schema:
        name = kind.__name__.removesuffix("Document")
        if name not in self.named:
            self.named[name] = {}  # a placeholder that prevents endless recursion if a class refers to itself
            self.named[name] = (
                self._build_input_schema(kind) if has(kind) else self._build_answer_schema(kind)
            )
        return {"$ref": f"#/components/schemas/{name}"}

    def _build_input_schema(self, kind: type[Any]) -> Schema:
        hints = get_type_hints(kind, include_extras=True)
        properties = {
            to_camel_case(each.name): {
                **self._build_field_schema(kind, each.name, hints[each.name]),
                **_build_default(each.default),
            }
            for each in fields(kind)
        }
        schema = _build_object_schema(
            kind, properties, [to_camel_case(e.name) for e in fields(kind) if e.default is NOTHING]
        )
        if any(each.default is UNCHANGED for each in fields(kind)):
            schema["minProperties"] = 1
        return {**schema, "additionalProperties": False}

    def _build_answer_schema(self, kind: Any) -> Schema:  # noqa: ANN401 - a typed dict
        hints = get_type_hints(kind, include_extras=True)
        properties = {name: self._build_field_schema(kind, name, hint) for name, hint in hints.items()}
        schema = _build_object_schema(
            kind, properties, [name for name in hints if name in kind.__required_keys__]
        )
        return {**schema, "additionalProperties": False} if self.closed else schema

    def _build_field_schema(self, kind: type[Any], name: str, hint: Any) -> Schema:  # noqa: ANN401 - any annotation
        own = (read_attributes(base) for base in _iterate_bases(kind))
        description = next(
            (remove_requirement_ids(entries[name]) for entries in own if name in entries), None
        )
        schema = self.build_schema(hint)
        if description is None:
            return schema
        return {**schema, "description": " ".join(filter(None, [description, schema.get("description")]))}


def _build_object_schema(kind: type[Any], properties: Schema, required: list[str]) -> Schema:
    schema = {
        "type": "object",
        "description": remove_requirement_ids(read_summary(kind)),
        "properties": properties,
    }
    return {**schema, "required": required} if required else schema


def _iterate_bases(kind: type[Any]) -> Iterator[type[Any]]:
    """Yield a class and, for a typed dict, its bases. The `__mro__` of a typed dict does not contain them."""
    yield kind
    for base in getattr(kind, "__orig_bases__", ()):
        if is_typeddict(base):
            yield from _iterate_bases(base)


def remove_requirement_ids(text: str) -> str:
    """Return the text without requirement ids, because users of the API do not know these ids."""
    return _REQUIREMENT_IDS.sub("", text)


def _build_default(default: object) -> Schema:
    if default in (NOTHING, UNCHANGED, None) or isinstance(default, Factory):  # pyright: ignore[reportArgumentType] - attrs' Factory is a class
        return {}
    return {"default": default}


def _build_union_schema(schemas: list[Schema]) -> Schema:
    """Return the schema of a union.

    If possible, the schema contains a list of types instead of `anyOf`, because generators of clients
    support such lists best.
    """
    scalars = [schema for schema in schemas if schema.keys() == {"type"}]
    others = [schema for schema in schemas if schema not in scalars]
    if scalars == [_SCALARS[NoneType]] and len(others) == 1 and isinstance(others[0].get("type"), str):
        values = {"enum": [*others[0]["enum"], None]} if "enum" in others[0] else {}
        return {**others[0], **values, "type": [others[0]["type"], "null"]}
    if not others:
        return {"type": [schema["type"] for schema in scalars]}
    return {"anyOf": [*others, *scalars]}
