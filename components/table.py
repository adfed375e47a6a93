"""TenantTable: a DynamoDB table of which every row can be reached by its tenant."""

import re
from collections import Counter
from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.component import Component
from components.errors import DeclarationError
from components.grant import Grant
from components.stage import StageConfig

TableAction = Literal[
    "BatchGetItem",
    "BatchWriteItem",
    "ConditionCheckItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "UpdateItem",
]

_MAXIMUM_INDEXES: Final = 20
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")


@attrs.frozen
class Key:
    """An attribute by which rows are found.

    Attributes:
        name: The attribute's name.
        type: `S` string, `N` number, `B` bytes.
    """

    name: str
    type: Literal["S", "N", "B"] = "S"


@attrs.frozen(kw_only=True)
class Index:
    """A global secondary index.

    Attributes:
        name: 3 to 255 of `a-z A-Z 0-9 _ . -`.
        partition: The key whose rows are together.
        sort: The key by which they are sorted.
        projection: What a query sees: all attributes, the keys only, or the keys and these attributes.
        why: The question that the index answers.
    """

    name: str
    partition: Key
    sort: Key | None = None
    projection: Literal["ALL", "KEYS_ONLY"] | tuple[str, ...] = "ALL"
    why: str


@attrs.frozen(kw_only=True)
class TableDesign:
    """The shape of a table, checked when it is written down (T2, T4).

    Attributes:
        partition: The table's partition key.
        sort: The table's sort key.
        indexes: Its global secondary indexes, at most 20.
        tenant: The attribute that names the tenant. It, or a key composed of it as `USER#<userId>`, must be a
            partition key of the table or of an index: a tenant's rows are read by one query, never by a scan.
        tenant_key: The partition key that is composed of the tenant, where it has another name.
        expires: The attribute with the time (Unix seconds) after which DynamoDB deletes a row.
        stream: Whether changes are published, with the old and the new row.

    Raises:
        DeclarationError: The table could not be made, or some tenant could not reach its rows.
    """

    partition: Key
    sort: Key | None = None
    indexes: tuple[Index, ...] = ()
    tenant: str
    tenant_key: str | None = None
    expires: str | None = None
    stream: bool = False

    def __attrs_post_init__(self) -> None:
        if len(self.indexes) > _MAXIMUM_INDEXES:
            raise DeclarationError(
                f"{len(self.indexes)} indexes; DynamoDB allows {_MAXIMUM_INDEXES} on a table"
            )
        for name, times in Counter(index.name for index in self.indexes).items():
            _check_name("index", name)
            if times > 1:
                raise DeclarationError(
                    f"index {name!r} is declared {times} times; names are unique in a table"
                )
        _check_types(self.keys)
        for index in self.indexes:
            _check_projection(index, (self.partition, self.sort))
        reached_by = (self.partition.name, *(index.partition.name for index in self.indexes))
        if (self.tenant_key or self.tenant) not in reached_by:
            raise DeclarationError(
                f"the tenant {self.tenant!r} has no query: partition keys are {', '.join(reached_by)}; add "
                "an index on it, or name the key that is composed of it as tenant_key"
            )

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key of the table and its indexes, as often as it is used."""
        owners = (self, *self.indexes)
        return tuple(key for owner in owners for key in (owner.partition, owner.sort) if key is not None)


@attrs.frozen(kw_only=True)
class TenantTableArgs:
    """What a TenantTable is made of.

    Attributes:
        stage: The stage it belongs to.
        design: Keys, indexes, expiry and stream.
        point_in_time_recovery: Whether every second of the last 35 days can be restored: as the stage's rule
            says (production), or always.
        key_arn: A customer's KMS key instead of the one that AWS manages.
    """

    stage: StageConfig
    design: TableDesign
    point_in_time_recovery: Literal["stage", "always"] = "stage"
    key_arn: pulumi.Input[str] | None = None


class TenantTable(Component):
    """An on-demand, encrypted table with its indexes (T1).

    Attributes:
        table_name: The table's name.
        arn: The table's ARN.
        stream_arn: The ARN of the stream; only with `design.stream`.

    Raises:
        DeclarationError: The name is none that DynamoDB takes.
    """

    def __init__(self, name: str, args: TenantTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        stage, design = args.stage, args.design
        table_name = f"{stage.prefix}-{name}"
        _check_name("table", table_name)
        super().__init__("table", name, stage, opts)
        # The order of a set would change the plan from run to run (G7).
        keys = sorted(set(design.keys), key=lambda key: key.name)
        table = aws.dynamodb.Table(
            name,
            name=table_name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=design.partition.name,
            range_key=design.sort.name if design.sort else None,
            attributes=[aws.dynamodb.TableAttributeArgs(name=key.name, type=key.type) for key in keys],
            global_secondary_indexes=[_index_args(index) for index in design.indexes],
            ttl=aws.dynamodb.TableTtlArgs(attribute_name=design.expires, enabled=True)
            if design.expires
            else None,
            stream_enabled=design.stream,
            stream_view_type="NEW_AND_OLD_IMAGES" if design.stream else None,
            # DynamoDB always encrypts; this chooses the key that the account can see and audit.
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(
                enabled=True, kms_key_arn=args.key_arn
            ),
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(
                enabled=stage.keeps_data or args.point_in_time_recovery == "always"
            ),
            deletion_protection_enabled=stage.keeps_data,
            opts=self.kept,
        )
        self.design = design
        self.table_name = table.name
        self.arn = table.arn
        self.stream_arn = table.stream_arn
        self.register_outputs({"name": table.name, "arn": table.arn})

    def grant(self, *actions: TableAction) -> Grant:
        """Allow `actions` on the rows of the table itself.

        A transaction needs the action of each of its writes; there is none for the transaction.
        """
        return Grant(actions=tuple(f"dynamodb:{action}" for action in actions), resources=(self.arn,))

    def grant_query(self, *indexes: str) -> Grant:
        """Allow queries on these indexes.

        Raises:
            DeclarationError: The table has no index of that name.
        """
        known = [index.name for index in self.design.indexes]
        for index in indexes:
            if index not in known:
                raise DeclarationError(f"no index {index!r}: the table has {', '.join(known) or 'none'}")
        return Grant(
            actions=("dynamodb:Query",),
            resources=tuple(pulumi.Output.concat(self.arn, "/index/", index) for index in indexes),
        )


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise DeclarationError(f"{what} {name!r}: DynamoDB takes names of 3 to 255 of a-z A-Z 0-9 _ . -")


def _check_types(keys: tuple[Key, ...]) -> None:
    types = {key.name: key.type for key in keys}
    for key in keys:
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


def _index_args(index: Index) -> aws.dynamodb.TableGlobalSecondaryIndexArgs:
    keys = [(index.partition, "HASH"), (index.sort, "RANGE")]
    attributes = index.projection if isinstance(index.projection, tuple) else None
    return aws.dynamodb.TableGlobalSecondaryIndexArgs(
        name=index.name,
        key_schemas=[
            aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=key.name, key_type=kind)
            for key, kind in keys
            if key is not None
        ],
        projection_type="INCLUDE" if attributes else str(index.projection),
        non_key_attributes=list(attributes) if attributes else None,
    )
