"""The writes of the audit log.

An entry is an operation of the transaction that makes the change. So there is no change without its entry. No
code changes or deletes an entry.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from runtime.deploy.audit.model import PLATFORM, Action, Actor, ActorKind, AuditEntry, Change, Origin
from runtime.shared.aws import Item
from runtime.shared.converters import to_row
from runtime.shared.dynamodb import build_put_if_absent
from runtime.shared.ids import IdGenerator

RETENTION: Final = timedelta(days=400)
"""How long an entry is kept, also after the deletion of its project."""


def build_sort_key(project_id: str, entry_id: str = "") -> str:
    """Return the sort key of an entry. Without its id, return how all sort keys of the project begin."""
    return f"{project_id}#{entry_id}"


@frozen(kw_only=True)
class AuditTrail:
    """Builds the operations that write entries. Makes no call.

    Attributes:
        table: Name of the audit table.
        ids: Creates the ids of entries, which sort by time.
    """

    table: str
    ids: IdGenerator

    def build_user_entry(  # noqa: PLR0913 - the parts of an entry
        self,
        action: Action,
        *,
        user_id: str,
        project_id: str,
        origin: Origin,
        at: datetime,
        target_id: str | None = None,
        changes: Sequence[Change] = (),
    ) -> dict[str, Any]:
        """Return the operation that records what the owner of a project did."""
        return self.build_entry(
            action,
            user_id=user_id,
            project_id=project_id,
            actor=Actor(kind=ActorKind.USER, id=user_id),
            origin=origin,
            at=at,
            target_id=target_id,
            changes=changes,
        )

    def build_entry(  # noqa: PLR0913 - the parts of an entry
        self,
        action: Action,
        *,
        user_id: str,
        project_id: str,
        actor: Actor,
        at: datetime,
        origin: Origin = PLATFORM,
        target_id: str | None = None,
        changes: Sequence[Change] = (),
    ) -> dict[str, Any]:
        """Return the operation of a transaction that writes an entry. It never replaces an entry.

        Args:
            action: What was done.
            user_id: Owner of the project.
            project_id: The project.
            actor: Who did it.
            at: Time of the change.
            origin: Where the request came from.
            target_id: The deployment or deploy key.
            changes: What was changed. Never contains a secret.
        """
        entry = AuditEntry(
            entry_id=self.ids(),
            user_id=user_id,
            project_id=project_id,
            at=at,
            action=action.value,
            actor=actor,
            origin=origin,
            target_id=target_id,
            changes=tuple(changes),
            expires_at=int((at + RETENTION).timestamp()),
        )
        row: Item = to_row(entry, sk=build_sort_key(project_id, entry.entry_id))
        return {"Put": build_put_if_absent(self.table, row, key="userId")}
