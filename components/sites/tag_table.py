"""TagTable: the cache tags of a site's pages, in OpenNext's format."""

import pulumi
import pulumi_aws as aws

from components.aws.table import build_attribute_args, build_index_args
from components.core.component import Part
from components.core.grants import Grant
from components.core.outputs import JoinedText
from components.core.scope import ResourceScope
from components.deploy.tables import TAGS


class TagTable(Part):
    """A table in OpenNext's format. It is not a `TenantTable`, because its rows do not name a tenant.

    A row has only a tag, a path and a time. If two sites shared a table, a revalidation in one site could
    expire pages of the other site. Each site therefore has its own table.

    Attributes:
        table_name: Table name.
        arn: Table ARN.
    """

    def __init__(self, name: str, *, scope: ResourceScope, opts: pulumi.ResourceOptions) -> None:
        super().__init__(scope, opts)
        table = aws.dynamodb.Table(
            name,
            name=f"{scope.prefix}-{name}",
            billing_mode="PAY_PER_REQUEST",
            hash_key=TAGS.partition_key.name,
            range_key=TAGS.sort_key.name if TAGS.sort_key else None,
            attributes=build_attribute_args(TAGS),
            global_secondary_indexes=build_index_args(TAGS),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=scope.retain),
            deletion_protection_enabled=scope.retain,
            opts=self.retained_child_opts,
        )
        self.table_name = table.name
        self.arn = table.arn

    def grant_query_and_write(self) -> tuple[Grant, ...]:
        """Allow OpenNext's server to query tags and paths, and to write revalidation times."""
        return (
            Grant(
                actions=("dynamodb:BatchWriteItem", "dynamodb:Query"),
                resources=(self.arn,),
            ),
            Grant(actions=("dynamodb:Query",), resources=(JoinedText(self.arn, "/index/revalidate"),)),
        )
