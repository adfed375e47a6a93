"""The shape of a table, as data: keys, indexes and what each attribute means (T1, T2, T4, T9).

Tables are declared from it, and `docs/database-schema.md` is written from it.
"""

import re
from collections import Counter
from typing import Final, Literal, get_args

import attrs

from components.core.errors import DeclarationError

KeyType = Literal["S", "N", "B"]
AttributeType = Literal["S", "N", "B", "BOOL", "L", "M", "SS", "NS", "BS"]

_MAXIMUM_INDEXES: Final = 20
# Over all indexes of a table together, an attribute that two of them project counting twice.
_MAXIMUM_PROJECTED: Final = 100
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
_LONGEST_KEY: Final = 255


@attrs.frozen
class Key:
    """An attribute by which rows are found.

    Attributes:
        name: The attribute's name.
        type: `S` string, `N` number, `B` bytes.
    """

    name: str
    type: KeyType = "S"


@attrs.frozen
class Attribute:
    """What a row may hold, for readers.

    Attributes:
        name: The attribute's name.
        type: DynamoDB's name of the type: `S`, `N`, `B`, `BOOL`, `L` list, `M` map, `SS`, `NS`, `BS` sets.
        meaning: What it says, with its unit.
        example: A value as it may stand there.
    """

    name: str
    type: AttributeType
    meaning: str
    example: str


@attrs.frozen(kw_only=True)
class Index:
    """A global secondary index.

    Attributes:
        name: 3 to 255 of `a-z A-Z 0-9 _ . -`.
        partition: The key whose rows are together.
        sort: The key by which they are sorted.
        projection: What a query sees: all attributes, the keys only, or the keys and these attributes.
        why: The question that the index answers.
        query: An example: the condition on the keys, with values.
    """

    name: str
    partition: Key
    sort: Key | None = None
    projection: Literal["ALL", "KEYS_ONLY"] | tuple[str, ...] = "ALL"
    why: str
    query: str = ""


@attrs.frozen(kw_only=True)
class TableShape:
    """What every table has, checked when it is written down (T4).

    Attributes:
        purpose: What the rows are, in a sentence.
        partition: The table's partition key.
        sort: The table's sort key.
        query: An example of a read by the table's own key: the condition, with values.
        indexes: Its global secondary indexes, at most 20.
        expires: The attribute with the time (Unix seconds) after which DynamoDB deletes a row.
        stream: Whether changes are published, with the old and the new row.
        attributes: What rows may hold. Whoever documents one documents all keys.

    Raises:
        DeclarationError: The table could not be made, or a key of a documented table is not documented.
    """

    purpose: str = ""
    partition: Key
    sort: Key | None = None
    query: str = ""
    indexes: tuple[Index, ...] = ()
    expires: str | None = None
    stream: bool = False
    attributes: tuple[Attribute, ...] = ()

    def __attrs_post_init__(self) -> None:
        if len(self.indexes) > _MAXIMUM_INDEXES:
            raise DeclarationError(
                f"{len(self.indexes)} indexes; DynamoDB allows {_MAXIMUM_INDEXES} on a table"
            )
        for name, times in Counter(index.name for index in self.indexes).items():
            check_name("index", name)
            if times > 1:
                raise DeclarationError(
                    f"index {name!r} is declared {times} times; names are unique in a table"
                )
        _check_keys(self.keys)
        for index in self.indexes:
            _check_projection(index, (self.partition, self.sort))
        projected = sum(
            len(index.projection) for index in self.indexes if isinstance(index.projection, tuple)
        )
        if projected > _MAXIMUM_PROJECTED:
            raise DeclarationError(
                f"the indexes project {projected} attributes by name; DynamoDB allows {_MAXIMUM_PROJECTED} "
                "over all indexes of a table"
            )
        if self.attributes:
            _check_documented(self)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key of the table and its indexes, as often as it is used."""
        owners = (self, *self.indexes)
        return tuple(key for owner in owners for key in (owner.partition, owner.sort) if key is not None)


@attrs.frozen(kw_only=True)
class TableDesign(TableShape):
    """The shape of a table whose rows belong to tenants (T2).

    Attributes:
        tenant: The attribute that names the tenant. It, or a key composed of it as `USER#<userId>`, must be a
            partition key of the table or of an index: a tenant's rows are read by one query, never by a scan.
        tenant_key: The partition key that is composed of the tenant, where it has another name.

    Raises:
        DeclarationError: The table could not be made, or some tenant could not reach its rows.
    """

    tenant: str
    tenant_key: str | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        reached_by = (self.partition.name, *(index.partition.name for index in self.indexes))
        if (self.tenant_key or self.tenant) not in reached_by:
            raise DeclarationError(
                f"the tenant {self.tenant!r} has no query: partition keys are {', '.join(reached_by)}; add "
                "an index on it, or name the key that is composed of it as tenant_key"
            )
        if self.attributes and self.tenant not in {attribute.name for attribute in self.attributes}:
            raise DeclarationError(f"the tenant {self.tenant!r} is not among the documented attributes")


def check_name(what: str, name: str) -> None:
    """Refuse a name that DynamoDB would refuse.

    Raises:
        DeclarationError: It says which names are possible.
    """
    if not _NAME.fullmatch(name):
        raise DeclarationError(f"{what} {name!r}: DynamoDB takes names of 3 to 255 of a-z A-Z 0-9 _ . -")


def _check_keys(keys: tuple[Key, ...]) -> None:
    types = {key.name: key.type for key in keys}
    for key in keys:
        if not 0 < len(key.name.encode()) <= _LONGEST_KEY:
            raise DeclarationError(f"key {key.name!r}: DynamoDB takes names of 1 to {_LONGEST_KEY} bytes")
        if key.type not in get_args(KeyType):
            raise DeclarationError(f"key {key.name!r} is {key.type}; keys are {', '.join(get_args(KeyType))}")
        if types[key.name] != key.type:
            raise DeclarationError(
                f"attribute {key.name!r} is {key.type} in one key and {types[key.name]} in another"
            )


def _check_projection(index: Index, table: tuple[Key | None, ...]) -> None:
    if isinstance(index.projection, str):
        return
    keys = {key.name for key in (index.partition, index.sort, *table) if key}
    needless = sorted(keys.intersection(index.projection))
    if needless or not index.projection:
        raise DeclarationError(
            f"index {index.name!r} projects {', '.join(needless) or 'nothing'}: its own keys and the table's "
            "are always in it; name other attributes, or say KEYS_ONLY"
        )


def _check_documented(shape: TableShape) -> None:
    """The documentation names every attribute once, and agrees with keys, projections and expiry."""
    names = [attribute.name for attribute in shape.attributes]
    if repeated := sorted(name for name, times in Counter(names).items() if times > 1):
        raise DeclarationError(f"documented more than once: {', '.join(repeated)}")
    used = {key.name: key.type for key in shape.keys}
    if shape.expires:
        used[shape.expires] = "N"
    types = {attribute.name: attribute.type for attribute in shape.attributes}
    projected = {
        name for index in shape.indexes if isinstance(index.projection, tuple) for name in index.projection
    }
    if missing := sorted({*used, *projected} - types.keys()):
        raise DeclarationError(
            f"not documented: {', '.join(missing)}; every key is, with meaning and example"
        )
    for name, kind in used.items():
        if types[name] != kind:
            raise DeclarationError(f"attribute {name!r} is documented as {types[name]}, but used as {kind}")
    silent = [shape.query and shape.purpose, *(index.why and index.query for index in shape.indexes)]
    if not all(silent):
        raise DeclarationError(
            "a documented table has a purpose and an example query, and each index a why and an example query"
        )
