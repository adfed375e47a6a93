"""TenantTable: a DynamoDB table of which every row can be reached by its tenant."""

from typing import Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.function import Function, StreamReading
from components.aws.index_changes import index_hooks
from components.aws.queue import DeadLetterQueue, DeadLetterQueueArgs
from components.aws.table_design import Index, TableDesign, TableShape, check_name
from components.core.component import Component
from components.core.errors import DeclarationError
from components.core.grants import Grant
from components.core.outputs import Joined
from components.core.stage import StageConfig

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
        check_name("table", table_name)
        super().__init__("table", name, stage, opts)
        options = self.kept
        options.hooks = index_hooks(table_name)
        table = aws.dynamodb.Table(
            name,
            name=table_name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=design.partition.name,
            range_key=design.sort.name if design.sort else None,
            attributes=attribute_args(design),
            global_secondary_indexes=index_args(design),
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
            opts=options,
        )
        self._name = name
        self.design = design
        self.table_name = table.name
        self.arn = table.arn
        self.stream_arn = table.stream_arn
        self.register_outputs({"name": table.name, "arn": table.arn})

    def grant(self, *actions: TableAction, partition: str | None = None) -> Grant:
        """Allow `actions` on the rows of the table itself.

        A transaction needs the action of each of its writes; there is none for the transaction.

        Args:
            actions: Without the service's name.
            partition: Only on the rows that have this partition key (the Developer Guide's "Using IAM policy
                conditions for fine-grained access control").
        """
        only = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": partition}} if partition else None
        return Grant(
            actions=tuple(f"dynamodb:{action}" for action in actions), resources=(self.arn,), conditions=only
        )

    def on_change(self, function: Function, reading: StreamReading | None = None) -> DeadLetterQueue:
        """Call a function with every change of a row, the old and the new one, in the order of each row's.

        Args:
            function: Gets the rights to read the stream, and to say what it could not take.
            reading: How much at a time, and how often again.

        Returns:
            Where notes of changes go that the function failed to take: something to be told about.

        Raises:
            DeclarationError: The table publishes no changes.
        """
        if not self.design.stream:
            raise DeclarationError(f"table {self._name!r} publishes no changes; design it with stream=True")
        consumer = f"{function.name}-{self._name}"
        dead = DeadLetterQueue(f"{consumer}-dead", DeadLetterQueueArgs(stage=self.stage), self.inside)
        function.follow(self._name, self.stream_arn, reading or StreamReading(), dead)
        return dead

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
            resources=tuple(Joined(self.arn, "/index/", index) for index in indexes),
        )


def attribute_args(shape: TableShape) -> list[aws.dynamodb.TableAttributeArgs]:
    """The attributes that keys use, each once.

    The order of a set would change the plan from run to run (G7).
    """
    keys = sorted(set(shape.keys), key=lambda key: key.name)
    return [aws.dynamodb.TableAttributeArgs(name=key.name, type=key.type) for key in keys]


def index_args(shape: TableShape) -> list[aws.dynamodb.TableGlobalSecondaryIndexArgs]:
    """The indexes as the provider takes them."""
    return [_index(index) for index in shape.indexes]


def _index(index: Index) -> aws.dynamodb.TableGlobalSecondaryIndexArgs:
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
