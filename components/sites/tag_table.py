"""TagTable: which pages of a site depend on which cache tags, in the shape that OpenNext wants."""

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.table import attribute_args, index_args
from components.core.component import Part
from components.core.grants import Grant
from components.core.outputs import Joined
from components.core.stage import StageConfig
from components.deploy.tables import TAGS


@attrs.frozen(kw_only=True)
class TagTableArgs:
    """What a TagTable is made of.

    Attributes:
        stage: The stage it belongs to.
    """

    stage: StageConfig


class TagTable(Part):
    """OpenNext's own table: no TenantTable, since its rows know no tenant.

    They carry nothing but tag and path. Two sites in one table would expire each other's pages, so each site
    has a table.

    Attributes:
        table_name: The table's name.
        arn: The table's ARN.
    """

    def __init__(self, name: str, args: TagTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.stage, opts)
        table = aws.dynamodb.Table(
            name,
            name=f"{args.stage.prefix}-{name}",
            billing_mode="PAY_PER_REQUEST",
            hash_key=TAGS.partition.name,
            range_key=TAGS.sort.name if TAGS.sort else None,
            attributes=attribute_args(TAGS),
            global_secondary_indexes=index_args(TAGS),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=args.stage.keeps_data),
            deletion_protection_enabled=args.stage.keeps_data,
            opts=self.kept,
        )
        self.table_name = table.name
        self.arn = table.arn

    def grants(self) -> tuple[Grant, ...]:
        """Allow what OpenNext's server does: look up tags and paths, and write when they were revalidated."""
        return (
            Grant(
                actions=("dynamodb:BatchWriteItem", "dynamodb:Query"),
                resources=(self.arn,),
            ),
            Grant(actions=("dynamodb:Query",), resources=(Joined(self.arn, "/index/revalidate"),)),
        )
