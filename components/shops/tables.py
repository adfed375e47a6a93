"""Designs of the shop import tables.

The sessions of the web application are not in these tables. They stay in the application's own store.
"""

from typing import Final

from components.aws.table_design import Attribute, Index, Key, TableDesign

_SHOP: Final = "acme.example-shop.com"
_JOB: Final = "01JD3Q4Z6W8XN5T7V9YB2C4D6F"
_TIME: Final = "2026-01-31T09:30:00.000Z"

SHOPS: Final = TableDesign(
    purpose="Connected shops, each with its encrypted access token.",
    partition_key=Key("domain"),
    query=f"domain = '{_SHOP}'",
    tenant="domain",
    attributes=(
        Attribute("domain", "S", "the shop's host name", _SHOP),
        Attribute(
            "accessToken",
            "B",
            "access token of the shop's API, encrypted by KMS with the shop's domain as encryption context",
            "<ciphertext>",
        ),
        Attribute("scopes", "L", "scopes of the token, as named by the shop system", '["read_products"]'),
        Attribute("installedAt", "S", "when the application was last installed", _TIME),
        Attribute("updatedAt", "S", "when the row last changed", _TIME),
        Attribute("version", "N", "number of changes of the row, for optimistic locking", "7"),
        Attribute("name", "S", "name of the shop, if known", "Acme"),
    ),
)

JOBS: Final = TableDesign(
    purpose="Import jobs, with their progress. A job is deleted 90 days after its creation.",
    partition_key=Key("jobId"),
    query=f"jobId = '{_JOB}'",
    indexes=(
        Index(
            name="ShopIndex",
            partition_key=Key("shopDomain"),
            sort_key=Key("createdAt"),
            purpose="the jobs of a shop, newest first",
            query=f"shopDomain = '{_SHOP}', newest first",
        ),
        Index(
            name="StatusIndex",
            partition_key=Key("status"),
            sort_key=Key("createdAt"),
            # The progress of a job is written often. DynamoDB updates this index only when the status of a
            # job changes, because the index contains no progress.
            projection="KEYS_ONLY",
            purpose="the jobs with a status, oldest first",
            query="status = 'running', oldest first",
        ),
    ),
    tenant="shopDomain",
    ttl_attribute="expiresAt",
    attributes=(
        Attribute("jobId", "S", "the job's ULID", _JOB),
        Attribute("shopDomain", "S", "the imported shop", _SHOP),
        Attribute("kind", "S", "kind of job, as named by the application", "import-products"),
        Attribute("status", "S", "`queued`, `running`, `succeeded`, `failed` or `cancelled`", "running"),
        Attribute("createdAt", "S", "when it was created", _TIME),
        Attribute("updatedAt", "S", "when the row last changed", _TIME),
        Attribute("startedAt", "S", "when it started", _TIME),
        Attribute("finishedAt", "S", "when it ended", _TIME),
        Attribute("total", "N", "number of items to process, if known", "5000"),
        Attribute("processed", "N", "number of processed items", "1200"),
        Attribute("failed", "N", "number of processed items that failed", "3"),
        Attribute(
            "batches", "NS", "numbers of the counted batches, so that each batch is counted once", "[0, 1]"
        ),
        Attribute("error", "S", "why a failed job failed", "the shop refused the token"),
        Attribute(
            "expiresAt",
            "N",
            "when the row is deleted: 90 days after its creation, Unix seconds",
            "1777627800",
        ),
    ),
)

IMPORT_HISTORY: Final = TableDesign(
    purpose="Finished imports of each shop. Kept for 365 days.",
    partition_key=Key("shopDomain"),
    sort_key=Key("timestamp", "N"),
    query=f"shopDomain = '{_SHOP}' AND timestamp BETWEEN 1769817600 AND 1769903999",
    tenant="shopDomain",
    ttl_attribute="expiresAt",
    attributes=(
        Attribute("shopDomain", "S", "the shop", _SHOP),
        Attribute(
            "timestamp",
            "N",
            "when the import ended, Unix seconds with six decimals. The last three decimals distinguish "
            "imports that ended in the same millisecond",
            "1769851800.123456",
        ),
        Attribute("jobId", "S", "the job's ULID", _JOB),
        Attribute("kind", "S", "as in the job", "import-products"),
        Attribute("outcome", "S", "`succeeded`, `failed` or `cancelled`", "succeeded"),
        Attribute("finishedAt", "S", "when the import ended", _TIME),
        Attribute("total", "N", "as in the job", "5000"),
        Attribute("processed", "N", "as in the job", "5000"),
        Attribute("failed", "N", "as in the job", "3"),
        Attribute("error", "S", "as in the job", "the shop refused the token"),
        Attribute(
            "expiresAt", "N", "when the row is deleted: 365 days after the import, Unix seconds", "1801387800"
        ),
    ),
)
