"""The designs of the shop import store's tables (T8).

The sessions of the web application that imports shops are in none of them: they stay in its own store.
"""

from typing import Final

from components.aws.table_design import Attribute, Index, Key, TableDesign

_SHOP: Final = "acme.example-shop.com"
_JOB: Final = "01JD3Q4Z6W8XN5T7V9YB2C4D6F"
_TIME: Final = "2026-01-31T09:30:00.000Z"

SHOPS: Final = TableDesign(
    purpose="Connected shops, each with the encrypted token by which its data is imported.",
    partition=Key("domain"),
    query=f"domain = '{_SHOP}'",
    tenant="domain",
    attributes=(
        Attribute("domain", "S", "the shop's host name", _SHOP),
        Attribute(
            "accessToken",
            "B",
            "the token of the shop's API, encrypted by KMS with the shop's domain as context",
            "<ciphertext>",
        ),
        Attribute("scopes", "L", "what the token may do, as the shop system calls it", '["read_products"]'),
        Attribute("installedAt", "S", "when the application was installed, the last time", _TIME),
        Attribute("updatedAt", "S", "when the row last changed", _TIME),
        Attribute("version", "N", "counts the changes of the row, so that none overwrites another", "7"),
        Attribute("name", "S", "what the shop's owner calls it, where known", "Acme"),
    ),
)

JOBS: Final = TableDesign(
    purpose="Import jobs, with their progress. A job is forgotten 90 days after it was made.",
    partition=Key("jobId"),
    query=f"jobId = '{_JOB}'",
    indexes=(
        Index(
            name="ShopIndex",
            partition=Key("shopDomain"),
            sort=Key("createdAt"),
            why="the jobs of a shop, newest first",
            query=f"shopDomain = '{_SHOP}', newest first",
        ),
        Index(
            name="StatusIndex",
            partition=Key("status"),
            sort=Key("createdAt"),
            # A job's progress is written often. An index that holds nothing of it is written only when the
            # status changes.
            projection="KEYS_ONLY",
            why="the jobs in a status, oldest first",
            query="status = 'running', oldest first",
        ),
    ),
    tenant="shopDomain",
    expires="expiresAt",
    attributes=(
        Attribute("jobId", "S", "the job's ULID", _JOB),
        Attribute("shopDomain", "S", "the shop it imports", _SHOP),
        Attribute("kind", "S", "what is to be done, in the application's own word", "import-products"),
        Attribute("status", "S", "`queued`, `running`, `succeeded`, `failed` or `cancelled`", "running"),
        Attribute("createdAt", "S", "when it was made", _TIME),
        Attribute("updatedAt", "S", "when the row last changed", _TIME),
        Attribute("startedAt", "S", "when it began to run", _TIME),
        Attribute("finishedAt", "S", "when it ended", _TIME),
        Attribute("total", "N", "how many things there are to process, where known", "5000"),
        Attribute("processed", "N", "how many of them are done with", "1200"),
        Attribute("failed", "N", "how many of the processed ones went wrong", "3"),
        Attribute(
            "batches", "NS", "the batches that were counted, by number, so that each counts once", "[0, 1]"
        ),
        Attribute("error", "S", "why a failed job failed", "the shop refused the token"),
        Attribute("expiresAt", "N", "90 days after that, Unix seconds", "1777627800"),
    ),
)

IMPORT_HISTORY: Final = TableDesign(
    purpose="What was imported of each shop, and when. Kept for 365 days.",
    partition=Key("shopDomain"),
    sort=Key("timestamp", "N"),
    query=f"shopDomain = '{_SHOP}' AND timestamp BETWEEN 1769817600 AND 1769903999",
    tenant="shopDomain",
    expires="expiresAt",
    attributes=(
        Attribute("shopDomain", "S", "the shop", _SHOP),
        Attribute(
            "timestamp",
            "N",
            "when the import ended, Unix seconds with six decimals; those below milliseconds tell apart what "
            "ended in the same one",
            "1769851800.123456",
        ),
        Attribute("jobId", "S", "the job's ULID", _JOB),
        Attribute("kind", "S", "as the job's", "import-products"),
        Attribute("outcome", "S", "`succeeded`, `failed` or `cancelled`", "succeeded"),
        Attribute("finishedAt", "S", "when the import ended", _TIME),
        Attribute("total", "N", "as the job's", "5000"),
        Attribute("processed", "N", "as the job's", "5000"),
        Attribute("failed", "N", "as the job's", "3"),
        Attribute("error", "S", "as the job's", "the shop refused the token"),
        Attribute("expiresAt", "N", "365 days after that, Unix seconds", "1801387800"),
    ),
)
