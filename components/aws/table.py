"""TenantTable: a DynamoDB table whose rows can all be queried by tenant."""

from typing import Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.function import Function, StreamBatchSettings
from components.aws.index_changes import create_index_hooks
from components.aws.queue import DeadLetterQueue, DeadLetterQueueArgs
from components.aws.table_design import Index, TableDesign, TableShape, check_dynamodb_name
from components.core.component import Component
from components.core.errors import DeclarationError
from components.core.grants import Grant
from components.core.outputs import JoinedText
from components.core.scope import ResourceScope

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
    """Arguments of `TenantTable`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        design: Keys, indexes, TTL and stream.
        point_in_time_recovery: Whether the table can be restored as of any second of the last 35 days. The
            default is the scope's retention.
        key_arn: ARN of a customer-managed KMS key. The default is the AWS managed key.
    """

    scope: ResourceScope
    design: TableDesign
    point_in_time_recovery: bool | None = None
    key_arn: pulumi.Input[str] | None = None


class TenantTable(Component):
    """An on-demand, encrypted table with its indexes.

    Attributes:
        table_name: Table name.
        arn: Table ARN.
        stream_arn: Stream ARN. It has a value only if `design.stream` is true.

    Raises:
        DeclarationError: Invalid DynamoDB table name.
    """

    def __init__(self, name: str, args: TenantTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        scope, design = args.scope, args.design
        table_name = f"{scope.prefix}-{name}"
        check_dynamodb_name("table", table_name)
        super().__init__("table", name, scope, opts)
        options = self.retained_child_opts
        options.hooks = create_index_hooks(table_name)
        table = aws.dynamodb.Table(
            name,
            name=table_name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=design.partition_key.name,
            range_key=design.sort_key.name if design.sort_key else None,
            attributes=build_attribute_args(design),
            global_secondary_indexes=build_index_args(design),
            ttl=aws.dynamodb.TableTtlArgs(attribute_name=design.ttl_attribute, enabled=True)
            if design.ttl_attribute
            else None,
            stream_enabled=design.stream,
            stream_view_type="NEW_AND_OLD_IMAGES" if design.stream else None,
            # DynamoDB always encrypts. With this setting, it uses a KMS key that the account can audit.
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(
                enabled=True, kms_key_arn=args.key_arn
            ),
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(
                enabled=scope.retain if args.point_in_time_recovery is None else args.point_in_time_recovery
            ),
            deletion_protection_enabled=scope.retain,
            opts=options,
        )
        self._name = name
        self.design = design
        self.table_name = table.name
        self.arn = table.arn
        self.stream_arn = table.stream_arn
        self.register_outputs({"name": table.name, "arn": table.arn})

    def grant(
        self,
        *actions: TableAction,
        partition_key: str | None = None,
        partition_prefix: str | None = None,
    ) -> Grant:
        """Allow actions on the rows of the table.

        A transaction needs the actions of all its operations. IAM has no action for the transaction itself.

        Args:
            actions: DynamoDB actions without the service prefix.
            partition_key: Value of the partition key that the rows must have. See "Using IAM policy
                conditions for fine-grained access control" in the DynamoDB Developer Guide.
            partition_prefix: Text with which the partition key of the rows must begin.
        """
        conditions = None
        if partition_key:
            conditions = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": partition_key}}
        elif partition_prefix:
            conditions = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{partition_prefix}*"}}
        return Grant(
            actions=tuple(f"dynamodb:{action}" for action in actions),
            resources=(self.arn,),
            conditions=conditions,
        )

    def grant_in_transactions(self, *actions: TableAction, partition_key: str) -> Grant:
        """Allow actions on rows with a partition key, in transactions that also use other rows of the table.

        The condition of `grant` must hold for all keys of a request. IAM checks each operation of a
        transaction. AWS's documents do not say whether it then uses the keys of this operation, or the keys
        of all operations. If it uses all keys, the condition of `grant` refuses the transaction. The
        condition of this method allows the transaction in both cases, and refuses single calls
        (docs/decisions/0043-partition-conditions-hold-in-transactions.md).

        Args:
            actions: DynamoDB actions without the service prefix.
            partition_key: Value of the partition key of these rows.
        """
        return Grant(
            actions=tuple(f"dynamodb:{action}" for action in actions),
            resources=(self.arn,),
            conditions={
                "ForAnyValue:StringEquals": {
                    "dynamodb:LeadingKeys": partition_key,
                    "dynamodb:EnclosingOperation": "TransactWriteItems",
                }
            },
        )

    def add_stream_consumer(
        self, function: Function, settings: StreamBatchSettings | None = None
    ) -> DeadLetterQueue:
        """Call a function with every change of a row. The function receives the changes of a row in order.

        Args:
            function: Consumer. This method lets it read the stream and send to the dead-letter queue.
            settings: Batch size and retries.

        Returns:
            The queue for changes that failed. Create an alarm for it.

        Raises:
            DeclarationError: The table has no stream.
        """
        if not self.design.stream:
            raise DeclarationError(f"table {self._name!r} has no stream; declare it with stream=True")
        consumer = f"{function.name}-{self._name}"
        dead_letter_queue = DeadLetterQueue(
            f"{consumer}-dead", DeadLetterQueueArgs(scope=self.scope), self.child_opts
        )
        function.consume_stream(
            self._name, self.stream_arn, settings or StreamBatchSettings(), dead_letter_queue
        )
        return dead_letter_queue

    def grant_query(self, *indexes: str) -> Grant:
        """Allow queries on indexes.

        Raises:
            DeclarationError: The table has no index with that name.
        """
        known = [index.name for index in self.design.indexes]
        for index in indexes:
            if index not in known:
                raise DeclarationError(f"unknown index {index!r}; the table has {', '.join(known) or 'none'}")
        return Grant(
            actions=("dynamodb:Query",),
            resources=tuple(JoinedText(self.arn, "/index/", index) for index in indexes),
        )


def build_attribute_args(shape: TableShape) -> list[aws.dynamodb.TableAttributeArgs]:
    """Return the attributes that keys use, each once.

    The attributes are sorted. In the order of a set, they would change Pulumi's plan from run to run.
    """
    keys = sorted(set(shape.keys), key=lambda key: key.name)
    return [aws.dynamodb.TableAttributeArgs(name=key.name, type=key.type) for key in keys]


def build_index_args(shape: TableShape) -> list[aws.dynamodb.TableGlobalSecondaryIndexArgs]:
    """Return the indexes as arguments of the AWS provider."""
    return [_build_index(index) for index in shape.indexes]


def _build_index(index: Index) -> aws.dynamodb.TableGlobalSecondaryIndexArgs:
    keys = [(index.partition_key, "HASH"), (index.sort_key, "RANGE")]
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
