"""Design of the table of the audit log."""

from typing import Final

from components.aws.table_design import Attribute, Key, TableDesign

_PROJECT: Final = "01JD3Q4Z6W8XN5T7V9YB2C4D6F"
_DEPLOYMENT: Final = "01JD3Q5B7Y9ZP6V8X0ZD4E6F8H"
_ENTRY: Final = "01JD3Q6C8Z0AQ7W9Y1AE5F7G9J"
_USER: Final = "7f1c2a9e-51d4-4c3b-9a57-0a6c1f0c8e21"

AUDIT: Final = TableDesign(
    # The partition key is the owner, so a query of a user cannot find entries of others. The owner of a
    # project never changes, and the entries of a deleted project stay readable for its owner.
    purpose="The audit log: who did what to which project from where. Rows are never changed.",
    partition_key=Key("userId"),
    sort_key=Key("sk"),
    query=f"userId = '{_USER}' AND begins_with(sk, '{_PROJECT}#'), newest first",
    tenant="userId",
    ttl_attribute="expiresAt",
    attributes=(
        Attribute("userId", "S", "owner of the project: the subject of the user's tokens", _USER),
        Attribute(
            "sk",
            "S",
            "`<project>#<entry>`, which sorts the entries of a project by time",
            f"{_PROJECT}#{_ENTRY}",
        ),
        Attribute("entryId", "S", "the entry's ULID", _ENTRY),
        Attribute("projectId", "S", "the project, which perhaps no longer exists", _PROJECT),
        Attribute("at", "S", "time of the change", "2026-01-31T09:30:00.000Z"),
        Attribute("action", "S", "what was done", "deployment.promote"),
        Attribute(
            "actor",
            "M",
            "who did it: `kind` (`user`, `webhook` or `platform`) and `id` (user id, login of the pusher, or "
            "name of the platform's job)",
            f'{{"kind": "user", "id": "{_USER}"}}',
        ),
        Attribute(
            "origin",
            "M",
            "where the request came from: `channel` (`api`, `cli`, `webhook` or `platform`), `ip`, "
            "`userAgent` and `requestId`",
            '{"channel": "cli", "ip": "203.0.113.7", "userAgent": "anchor-deploy-cli/0.2.0"}',
        ),
        Attribute("targetId", "S", "the deployment or deploy key", _DEPLOYMENT),
        Attribute(
            "changes",
            "L",
            "what was changed: maps of `name` and `value`. The value of a variable is `set` or `removed`",
            '[{"name": "API_URL", "value": "set"}]',
        ),
        Attribute("expiresAt", "N", "when the row is deleted, 400 days later, Unix seconds", "1804411800"),
    ),
)
