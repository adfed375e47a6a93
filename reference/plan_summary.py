"""A summary of a Pulumi plan, which lists the deleted and replaced resources first.

The workflows run `python -m reference.plan_summary <stage> <event log>`. Pulumi writes the event log if it is
called with `--event-log`, an option for Pulumi's Automation API. The summary contains names of resources and
properties, but no values.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

# What is lost if Pulumi replaces or deletes a resource, by the type of the resource.
LOST: Final[Mapping[str, str]] = {
    "aws:dynamodb/table:Table": "rows",
    "aws:s3/bucket:Bucket": "objects",
    "aws:kms/key:Key": "data that was encrypted or signed with it",
    "aws:cognito/userPool:UserPool": "users",
    "aws:cloudwatch/logGroup:LogGroup": "logs",
    "aws:cloudfront/keyValueStore:KeyValueStore": "the live release of each host",
    "aws:cloudfront/distribution:Distribution": "the domain name that DNS records point to",
    "aws:apigatewayv2/api:Api": "the URL in the webhooks of all repositories",
    "aws:lambda/alias:Alias": "the live version",
    "aws:lambda/function:Function": "versions, which are releases (only functions of sites)",
}
# The verb that the summary shows for each operation of Pulumi. Operations that are not listed change nothing
# in AWS. Pulumi reports several operations for one replacement.
_VERBS: Final = {
    "delete": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "update": "update",
    "create": "create",
    "import": "import",
}
# Verbs in the order of the summary, the most dangerous first.
_ORDER: Final = ("delete", "replace", "update", "create", "import")
_DANGEROUS: Final = frozenset({"delete", "replace"})
_EVENTS: Final = ("resourcePreEvent", "resOutputsEvent")
# The size of a comment on GitHub is limited, so the summary has at most this number of lines.
_MAXIMUM_LINES: Final = 60


@frozen(kw_only=True)
class Change:
    """A planned change of a resource.

    Attributes:
        properties: The names of the changed properties.
        is_kept: Whether the resource stays in AWS, and is removed only from Pulumi's state.
    """

    verb: str
    type: str
    name: str
    properties: tuple[str, ...] = ()
    is_kept: bool = False

    @property
    def line(self) -> str:
        """The line of the change in the summary."""
        shown = f"{self.verb:<8} {self.type.rpartition(':')[0]} {self.name}"
        if self.properties:
            shown += f" ({', '.join(self.properties)})"
        if self.verb in _DANGEROUS and self.is_kept:
            shown += ": stays in AWS, but Pulumi forgets it"
        elif self.verb in _DANGEROUS and self.type in LOST:
            shown += f": LOST: {LOST[self.type]}"
        return shown


def read_changes(lines: Iterable[str]) -> list[Change]:
    """Return the changes in an event log: one for each changed resource, the most dangerous change first."""
    changes: dict[str, Change] = {}
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        for kind in _EVENTS:
            metadata: Mapping[str, Any] = event.get(kind, {}).get("metadata", {})
            verb = _VERBS.get(metadata.get("op", ""))
            kind_of_resource = str(metadata.get("type", ""))
            if verb is None or not kind_of_resource.startswith("aws:"):
                continue
            urn = str(metadata["urn"])
            known = changes.get(urn)
            if known and _ORDER.index(known.verb) < _ORDER.index(verb):
                continue
            names = {
                *(known.properties if known else ()),
                *(metadata.get("keys") or ()),
                *(metadata.get("diffs") or ()),
            }
            changes[urn] = Change(
                verb=verb,
                type=kind_of_resource,
                name=urn.rpartition("::")[2],
                properties=tuple(sorted(names)),
                is_kept=bool((metadata.get("old") or {}).get("retainOnDelete")),
            )
    return sorted(changes.values(), key=lambda each: (_ORDER.index(each.verb), each.type, each.name))


def summarize_event_log(stage: str, lines: Iterable[str]) -> str:
    """Return the summary of an event log as plain text."""
    changes = read_changes(lines)
    counts = {verb: sum(each.verb == verb for each in changes) for verb in _ORDER}
    shown = ", ".join(f"{count} {verb}" for verb, count in counts.items() if count)
    dangerous = counts["delete"] + counts["replace"]
    title = f"{stage}: {shown or 'no changes'}"
    warning = ["", "Replaced or deleted:"] if dangerous else []
    listed = [f"  {each.line}" for each in changes]
    parts = [*warning, *listed[:dangerous]]
    if len(changes) > dangerous:
        parts += ["", "Other changes:", *listed[dangerous:]]
    if len(parts) > _MAXIMUM_LINES:
        parts = [*parts[:_MAXIMUM_LINES], f"  ... and {len(parts) - _MAXIMUM_LINES} more lines"]
    return "\n".join([title, *parts]) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Print the summary of an event log, and return 0, even if the plan deletes resources."""
    stage, path = arguments
    file = Path(path)
    if not file.exists():
        sys.stdout.write(f"{stage}: Pulumi made no plan\n")
        return 0
    with file.open(encoding="utf-8") as lines:
        sys.stdout.write(summarize_event_log(stage, lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
