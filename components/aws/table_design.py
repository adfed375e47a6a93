"""The design of a table as data: keys, indexes and the meaning of each attribute.

The tables and `docs/database-schema.md` are created from these designs.
"""

import re
from collections import Counter
from typing import Final, Literal, get_args

import attrs

from components.core.errors import DeclarationError

KeyType = Literal["S", "N", "B"]
AttributeType = Literal["S", "N", "B", "BOOL", "L", "M", "SS", "NS", "BS"]

_MAXIMUM_INDEXES: Final = 20
# DynamoDB's limit for the attributes that all indexes of a table project by name. An attribute counts once
# for each index that projects it.
_MAXIMUM_PROJECTED: Final = 100
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
_LONGEST_KEY: Final = 255


@attrs.frozen
class Key:
    """A key attribute.

    Attributes:
        name: Attribute name.
        type: `S` string, `N` number, `B` bytes.
    """

    name: str
    type: KeyType = "S"


@attrs.frozen
class Attribute:
    """Documentation of one attribute.

    Attributes:
        name: Attribute name.
        type: DynamoDB type: `S`, `N`, `B`, `BOOL`, `L` list, `M` map, `SS`, `NS`, `BS` sets.
        meaning: Meaning of the value, with its unit.
        example: Example value.
    """

    name: str
    type: AttributeType
    meaning: str
    example: str


@attrs.frozen(kw_only=True)
class Index:
    """A global secondary index.

    Attributes:
        name: Index name, 3 to 255 of `a-z A-Z 0-9 _ . -`.
        partition_key: Partition key of the index.
        sort_key: Sort key of the index.
        projection: Projected attributes: all, only the keys, or the keys and the named attributes.
        purpose: Question that the index answers.
        query: Example key condition, with values.
    """

    name: str
    partition_key: Key
    sort_key: Key | None = None
    projection: Literal["ALL", "KEYS_ONLY"] | tuple[str, ...] = "ALL"
    purpose: str = ""
    query: str = ""


@attrs.frozen(kw_only=True)
class TableShape:
    """The keys, indexes and attributes of a table. They are checked when the design is created.

    Attributes:
        purpose: What a row represents, one sentence.
        partition_key: Partition key of the table.
        sort_key: Sort key of the table.
        query: Example key condition of a read, with values.
        indexes: Global secondary indexes, at most 20.
        ttl_attribute: TTL attribute: the time (Unix seconds) after which DynamoDB deletes a row.
        stream: Whether the table has a stream, which receives the old and the new row of each change.
        attributes: Documented attributes. If there are any, they must contain all keys, all projected
            attributes and the TTL attribute.

    Raises:
        DeclarationError: DynamoDB would refuse the table, or the documentation is incomplete.
    """

    purpose: str = ""
    partition_key: Key
    sort_key: Key | None = None
    query: str = ""
    indexes: tuple[Index, ...] = ()
    ttl_attribute: str | None = None
    stream: bool = False
    attributes: tuple[Attribute, ...] = ()

    def __attrs_post_init__(self) -> None:
        if len(self.indexes) > _MAXIMUM_INDEXES:
            raise DeclarationError(
                f"{len(self.indexes)} indexes; DynamoDB allows {_MAXIMUM_INDEXES} on a table"
            )
        for name, times in Counter(index.name for index in self.indexes).items():
            check_dynamodb_name("index", name)
            if times > 1:
                raise DeclarationError(f"index {name!r} is declared {times} times; use a unique name")
        _check_keys(self.keys)
        for index in self.indexes:
            _check_projection(index, (self.partition_key, self.sort_key))
        projected = sum(
            len(index.projection) for index in self.indexes if isinstance(index.projection, tuple)
        )
        if projected > _MAXIMUM_PROJECTED:
            raise DeclarationError(
                f"the indexes project {projected} attributes by name; DynamoDB allows {_MAXIMUM_PROJECTED} "
                "over all indexes of a table"
            )
        if self.attributes:
            _check_documentation(self)

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys of the table and its indexes, including duplicates."""
        owners = (self, *self.indexes)
        return tuple(
            key for owner in owners for key in (owner.partition_key, owner.sort_key) if key is not None
        )


@attrs.frozen(kw_only=True)
class TableDesign(TableShape):
    """The design of a table whose rows belong to tenants.

    Attributes:
        tenant: Attribute that names the tenant. It must be a partition key of the table or of an index. It
            can also be part of a composed partition key such as `USER#<userId>`. A query can then read the
            rows of a tenant without a scan.
        tenant_key: Name of the composed partition key that contains the tenant. None if `tenant` itself is a
            partition key.

    Raises:
        DeclarationError: DynamoDB would refuse the table, or no query can read the rows of a tenant.
    """

    tenant: str
    tenant_key: str | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        partition_keys = (self.partition_key.name, *(index.partition_key.name for index in self.indexes))
        if (self.tenant_key or self.tenant) not in partition_keys:
            raise DeclarationError(
                f"no query finds the rows of a tenant by {self.tenant!r}: the partition keys are "
                f"{', '.join(partition_keys)}; add an index, or set tenant_key to the composed key"
            )
        if self.attributes and self.tenant not in {attribute.name for attribute in self.attributes}:
            raise DeclarationError(
                f"the tenant attribute {self.tenant!r} is not documented; add it to attributes"
            )


def check_dynamodb_name(kind: str, name: str) -> None:
    """Check that DynamoDB accepts the name of a table or of an index.

    Args:
        kind: `table` or `index`, for the message.
        name: The name.

    Raises:
        DeclarationError: Invalid name. The message says which names are allowed.
    """
    if not _NAME.fullmatch(name):
        raise DeclarationError(f"{kind} {name!r}: DynamoDB allows names of 3 to 255 of a-z A-Z 0-9 _ . -")


def _check_keys(keys: tuple[Key, ...]) -> None:
    types = {key.name: key.type for key in keys}
    for key in keys:
        if not 0 < len(key.name.encode()) <= _LONGEST_KEY:
            raise DeclarationError(f"key {key.name!r}: DynamoDB allows names of 1 to {_LONGEST_KEY} bytes")
        if key.type not in get_args(KeyType):
            raise DeclarationError(f"key {key.name!r} is {key.type}; allowed: {', '.join(get_args(KeyType))}")
        if types[key.name] != key.type:
            raise DeclarationError(
                f"attribute {key.name!r} is {key.type} in one key and {types[key.name]} in another"
            )


def _check_projection(index: Index, table_keys: tuple[Key | None, ...]) -> None:
    if isinstance(index.projection, str):
        return
    keys = {key.name for key in (index.partition_key, index.sort_key, *table_keys) if key}
    redundant = sorted(keys.intersection(index.projection))
    if redundant or not index.projection:
        raise DeclarationError(
            f"index {index.name!r} projects {', '.join(redundant) or 'nothing'}, but the keys of the index "
            "and of the table are always projected; name other attributes, or use KEYS_ONLY"
        )


def _check_documentation(shape: TableShape) -> None:
    """Check that every attribute is documented once, with the type that keys, projections and TTL use."""
    names = [attribute.name for attribute in shape.attributes]
    if repeated := sorted(name for name, times in Counter(names).items() if times > 1):
        raise DeclarationError(f"documented more than once: {', '.join(repeated)}")
    used = {key.name: key.type for key in shape.keys}
    if shape.ttl_attribute:
        used[shape.ttl_attribute] = "N"
    types = {attribute.name: attribute.type for attribute in shape.attributes}
    projected = {
        name for index in shape.indexes if isinstance(index.projection, tuple) for name in index.projection
    }
    if missing := sorted({*used, *projected} - types.keys()):
        raise DeclarationError(
            f"not documented: {', '.join(missing)}; add these keys to attributes, with meaning and example"
        )
    for name, used_type in used.items():
        if types[name] != used_type:
            raise DeclarationError(
                f"attribute {name!r} is documented as {types[name]}, but used as {used_type}"
            )
    descriptions = [
        shape.query and shape.purpose,
        *(index.purpose and index.query for index in shape.indexes),
    ]
    if not all(descriptions):
        raise DeclarationError(
            "a documented table needs a purpose and an example query, and so does each of its indexes"
        )
