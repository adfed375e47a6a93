"""Entries of the audit log, and the closed list of their actions."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from attrs import field, frozen

from runtime.shared.api.http import Request

CLI_USER_AGENT: Final = "anchor-deploy-cli/"
"""The start of the `User-Agent` header of the command line. `anchor/client.py` sends it."""

_MAX_USER_AGENT: Final = 200  # characters
_MAX_ADDRESS: Final = 45  # characters of the longest IPv6 address
_MAX_ID: Final = 100  # characters
_MAX_VALUE: Final = 200  # characters


class Action(StrEnum):
    """What was done."""

    PROJECT_CREATE = "project.create"
    PROJECT_UPDATE = "project.update"
    PROJECT_DELETE = "project.delete"
    VARIABLES_SET = "variables.set"
    DEPLOY_KEY_CREATE = "deploy-key.create"
    DEPLOY_KEY_DELETE = "deploy-key.delete"
    DEPLOYMENT_START = "deployment.start"
    DEPLOYMENT_CANCEL = "deployment.cancel"
    DEPLOYMENT_PROMOTE = "deployment.promote"
    DEPLOYMENT_ROLLBACK = "deployment.rollback"
    RELEASE_LIVE = "release.live"


class ActorKind(StrEnum):
    """Who did it."""

    USER = "user"
    WEBHOOK = "webhook"
    PLATFORM = "platform"


class Channel(StrEnum):
    """How the request came. `cli` is what the client says about itself."""

    API = "api"
    CLI = "cli"
    WEBHOOK = "webhook"
    PLATFORM = "platform"


@frozen(kw_only=True)
class Origin:
    """Where a request came from. Without a request, the platform itself acts.

    Attributes:
        ip: IP address of the client, as API Gateway saw it.
        user_agent: Header `User-Agent`, at most 200 characters.
        request_id: API Gateway's id of the request.
    """

    channel: Channel = Channel.PLATFORM
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None

    @classmethod
    def from_request(cls, request: Request, channel: Channel | None = None) -> Self:
        """Return the origin of a request.

        Args:
            request: The request.
            channel: None for the channel that the header `User-Agent` tells: `cli` or `api`.
        """
        agent = request.headers.get("user-agent", "")
        is_cli = agent.startswith(CLI_USER_AGENT)
        return cls(
            channel=channel or (Channel.CLI if is_cli else Channel.API),
            ip=request.source_ip[:_MAX_ADDRESS] or None,
            user_agent=agent[:_MAX_USER_AGENT] or None,
            request_id=request.request_id[:_MAX_ID] or None,
        )


PLATFORM: Final = Origin()
"""The origin of what no request has caused."""


@frozen(kw_only=True)
class Actor:
    """Who did something.

    Attributes:
        id: User id, GitHub login of the pusher, or name of the platform's job.
    """

    kind: ActorKind
    id: str = field(converter=lambda text: text[:_MAX_ID])


@frozen(kw_only=True)
class Change:
    """One part of a change.

    Attributes:
        name: Name of the changed field or variable.
        value: New value of a field, at most 200 characters. For a variable, `set` or `removed`.
    """

    name: str
    value: str


@frozen(kw_only=True)
class AuditEntry:
    """One entry of the audit log of a project.

    Attributes:
        entry_id: ULID, which sorts by time.
        user_id: Owner of the project, who may read the entry.
        action: A value of `Action`. It is text here, because rows of later versions can have other actions.
        target_id: The deployment or deploy key. None if the action is about the project itself.
        expires_at: End of the entry in Unix seconds.
    """

    entry_id: str
    user_id: str
    project_id: str
    at: datetime
    action: str
    actor: Actor
    origin: Origin
    target_id: str | None = None
    changes: tuple[Change, ...] = ()
    expires_at: int


def describe_fields(fields: Mapping[str, object]) -> tuple[Change, ...]:
    """Return the changes of fields, with values that are at most 200 characters long."""
    return tuple(Change(name=name, value=_describe_value(value)) for name, value in fields.items())


def _describe_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        # Lists, such as the keys of a git server, are too long for an entry.
        return f"{len(value)} entries"  # pyright: ignore[reportUnknownArgumentType] - of any element
    return str(value)[:_MAX_VALUE]
