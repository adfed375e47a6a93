"""TagTable: the revalidated cache tags of a site, and the claims of its stale pages."""

import pulumi
import pulumi_aws as aws

from components.aws.table import build_attribute_args, build_index_args
from components.core.component import Part
from components.core.grants import Grant
from components.core.outputs import JoinedText
from components.core.scope import ResourceScope
from components.deploy.tables import TAGS


class TagTable(Part):
    """A table that a site's servers write. It is not a `TenantTable`, because its rows do not name a tenant.

    If two sites shared a table, a revalidation in one site could expire pages of the other site. Each site
    therefore has its own table. Its keys and its index are those of OpenNext's own tag cache, which builds of
    earlier versions and builds with their own version of OpenNext use.

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
            ttl=aws.dynamodb.TableTtlArgs(attribute_name=TAGS.ttl_attribute, enabled=True),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=scope.retain),
            deletion_protection_enabled=scope.retain,
            opts=self.retained_child_opts,
        )
        self.table_name = table.name
        self.arn = table.arn

    def grant_read_and_write(self) -> tuple[Grant, ...]:
        """Allow the servers to read and write tags and claims.

        The platform's tag cache uses `BatchGetItem` and `UpdateItem`, OpenNext's own one the other actions.
        """
        return (
            Grant(
                actions=(
                    "dynamodb:BatchGetItem",
                    "dynamodb:BatchWriteItem",
                    "dynamodb:Query",
                    "dynamodb:UpdateItem",
                ),
                resources=(self.arn,),
            ),
            Grant(actions=("dynamodb:Query",), resources=(JoinedText(self.arn, "/index/revalidate"),)),
        )
