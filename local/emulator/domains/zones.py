"""Route 53 hooks for the emulator: records are checked as in AWS, and the records decide where a host leads.

The emulator (ministack 1.5.33) stores hosted zones and records, but no part of it reads the records. It also
accepts records that Route 53 refuses. There is no name server: `HostedZones.resolve` reads the same table
that `ChangeResourceRecordSets` writes, so a change has an effect at once.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from attrs import define, field
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import apigateway_v1, cloudfront, route53

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

# The hosted zone ID that every Route 53 alias record for a distribution must contain.
# https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
CLOUDFRONT_ZONE_ID: Final = "Z2FDTNDATAQYW2"
# The hosted zone IDs of regional API domain names, by region. The emulator uses that of us-east-1 for all.
# https://docs.aws.amazon.com/general/latest/gr/apigateway.html
API_ZONE_IDS: Final = {"ap-southeast-1": "ZL327KTPIQFUL", "us-east-1": "Z1UJRXOUMOOFQ8"}
ADDRESS_TYPES: Final = frozenset({"A", "AAAA", "CNAME"})
# The maximum number of links that are followed for one host. Real zones have shorter chains of CNAME records.
LONGEST_CHAIN: Final = 8


@define(eq=False)
class HostedZones:
    """The hosted zones of one account.

    Attributes:
        on_change: Called after each successful change of records.
    """

    account_id: str
    region: str
    on_change: Callable[[], None] = lambda: None
    _caller_references: Iterator[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._caller_references = iter(range(1_000_000))

    def create_zone(self, zone_id: str, name: str) -> None:
        """Create a public hosted zone with the given ID. In AWS, the ID is generated."""
        with request_scope(self.account_id, self.region), route53._lock:
            zone_name = route53._normalise_name(name)
            route53._zones[zone_id] = {
                "id": zone_id,
                "name": zone_name,
                "caller_reference": f"embedded-cloud-{next(self._caller_references)}",
                "comment": "",
                "private": False,
                "vpcs": [],
            }
            route53._records[zone_id] = route53._default_records(zone_name)

    def resolve(self, host: str) -> str | None:
        """Return the name that the records of a host lead to, such as the domain name of a distribution.

        Alias and CNAME records are followed. None means that no record of the host exists.
        """
        with request_scope(self.account_id, self.region):
            return _follow_records(host.lower().rstrip("."))


def install_zone_hooks(zones: HostedZones) -> None:
    """Install the hook."""

    def change_records(zone_id: str, body: bytes) -> Response:
        zone: Json | None = route53._zones.get(zone_id)
        problems = list(_find_problems(zone, body)) if zone else []
        if problems:
            return cast("Response", route53._error_response("InvalidChangeBatch", f"[{', '.join(problems)}]"))
        response = _ORIGINAL_CHANGE(zone_id, body)
        zones.on_change()
        return response

    route53._change_resource_record_sets = change_records


_ORIGINAL_CHANGE = cast("Callable[[str, bytes], Response]", route53._change_resource_record_sets)


def list_record_values(name: str, record_type: str) -> list[str]:
    """Return the values of the records with this name and type, or an empty list."""
    zone_id = _find_zone(name.lower().rstrip("."))
    return [
        value
        for record in _list_records(zone_id)
        if (_read_name(record), record["Type"]) == (name.lower().rstrip("."), record_type)
        for value in record.get("ResourceRecords", [])
    ]


def _follow_records(host: str, remaining_links: int = LONGEST_CHAIN) -> str | None:
    record = _find_record(host)
    if record is None:
        return None
    alias: Json | None = record.get("AliasTarget")
    values: list[str] = [alias["DNSName"]] if alias else record.get("ResourceRecords", [])
    target = values[0].lower().rstrip(".")
    if (alias is None and record["Type"] != "CNAME") or not remaining_links:
        return target
    return _follow_records(target, remaining_links - 1) or target


def _find_record(host: str) -> Json | None:
    """Return the host's record, or the wildcard record that covers the host.

    A wildcard applies only if the host's name does not exist in the zone (RFC 4592).
    """
    records = _list_records(_find_zone(host))
    names = {_read_name(record) for record in records}
    name = host
    while name and not any(known == name or known.endswith(f".{name}") for known in names):
        name = name.partition(".")[2]
    wanted = host if name == host else f"*.{name}"
    found = (record for record in records if _read_name(record) == wanted and record["Type"] in ADDRESS_TYPES)
    return next(found, None)


def _find_zone(host: str) -> str | None:
    """Return the ID of the zone with the longest name that contains the host."""
    names = {zone["name"].rstrip("."): zone_id for zone_id, zone in route53._zones.items()}
    while host and host not in names:
        host = host.partition(".")[2]
    return names.get(host)


def _list_records(zone_id: str | None) -> list[Json]:
    return list(route53._records.get(zone_id, [])) if zone_id else []


def _read_name(record: Json) -> str:
    r"""Return a record's name without the last dot. Route 53 also accepts `\052` for `*`."""
    return str(record["Name"]).lower().rstrip(".").replace("\\052", "*")


def _find_problems(zone: Json, body: bytes) -> Iterator[str]:
    """Find the changes that Route 53 refuses and the emulator accepts."""
    root = route53._parse_body(body)
    batch = None if root is None else route53._find(root, "ChangeBatch")
    changes = None if batch is None else route53._find(batch, "Changes")
    present = _list_records(zone["id"])
    for change in [] if changes is None else route53._findall(changes, "Change"):
        element = route53._find(change, "ResourceRecordSet")
        if element is None:
            continue
        record: Json = route53._parse_record_set(element)
        if route53._text(change, "Action") == "DELETE":
            present = [other for other in present if route53._rs_key(other) != route53._rs_key(record)]
            continue
        name, zone_name = _read_name(record), zone["name"].rstrip(".")
        if name != zone_name and not name.endswith(f".{zone_name}"):
            yield f"RRSet with DNS name {record['Name']} is not permitted in zone {zone['name']}"
        yield from _find_conflicts(record, present, zone["name"])
        if alias := record.get("AliasTarget"):
            yield from _find_alias_problems(record, alias)


def _find_conflicts(record: Json, present: list[Json], zone_name: str) -> Iterator[str]:
    """Find conflicts: a name with a CNAME record must have no records of other types."""
    others = {other["Type"] for other in present if _read_name(other) == _read_name(record)}
    kind, name = record["Type"], record["Name"]
    if kind == "CNAME" and others - {"CNAME"}:
        yield (
            f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records "
            f"with the same DNS name in zone {zone_name}"
        )
    elif kind != "CNAME" and "CNAME" in others:
        yield (
            f"RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type "
            f"CNAME with the same DNS name already exists in zone {zone_name}"
        )


def _find_alias_problems(record: Json, alias: Json) -> Iterator[str]:
    """Find problems of an alias record: its target must exist in the zone that the record names."""
    zone_id, target = alias["HostedZoneId"], alias["DNSName"].lower().rstrip(".")
    tried = f"Tried to create an alias that targets {target}., type {record['Type']} in zone {zone_id}, but"
    if zone_id not in _list_zone_ids(target):
        yield f"{tried} the alias target name does not lie within the target zone"
        yield f"{tried} that target was not found"
    elif zone_id in route53._zones and _find_record(target) is None:
        yield f"{tried} that target was not found"


def _list_zone_ids(target: str) -> set[str]:
    """Return the IDs of the zones that contain a name."""
    found = {_find_zone(target) or ""}
    if any(each["DomainName"] == target for each in cloudfront._distributions.values()):
        found.add(CLOUDFRONT_ZONE_ID)
    found |= {
        record["regionalHostedZoneId"]
        for (account, _region, _name), record in apigateway_v1._domain_names.all_items()
        if account == get_account_id() and record["regionalDomainName"] == target
    }
    return found - {""}


def get_api_zone_id(default_zone_id: str) -> str:
    """Return the hosted zone ID of regional API domain names in the request's region.

    If `API_ZONE_IDS` does not contain the region, return `default_zone_id`.
    """
    return API_ZONE_IDS.get(get_region(), default_zone_id)
