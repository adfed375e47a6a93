"""Every table that a stage declares, with the design that says what it is for."""

import fnmatch
import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from attrs import frozen

import components
from components.aws.table_design import TableShape
from components.core.stage import STAGES
from reference.docstrings import UndocumentedError
from tests.components.recorder import Recorded, recording

# What production declares, all others declare too: a test compares.
STAGE: Final = "production"
PREFIX: Final = f"anchor-{STAGE}-"
_TABLE: Final = "aws:dynamodb/table:Table"
# Sites have a table each, alike but for the name.
SITE_TABLES: Final = "site-*-tags"
_SITE_DESIGN: Final = "tags"


@frozen(kw_only=True)
class Access:
    """What somebody may do with a table.

    Attributes:
        who: The role or policy, without the stage's prefix.
        actions: DynamoDB's names of what is allowed on the rows.
        indexes: The indexes that may be queried.
    """

    who: str
    actions: tuple[str, ...]
    indexes: tuple[str, ...]


@frozen(kw_only=True)
class DocumentedTable:
    """A table of the program.

    Attributes:
        name: As the stage's prefix is followed by; `site-<site>-tags` stands for the table of every site.
        room: The folder of `components` with the module of its design, named after the system.
        design: What the design says.
        declared: What the program registers in production.
        recovered_in: The stages in which every second of the last 35 days can be restored.
        protected_in: The stages in which it can be neither deleted nor replaced.
        access: Who may do what with it.
    """

    name: str
    room: str
    design: TableShape
    declared: Mapping[str, Any]
    recovered_in: tuple[str, ...]
    protected_in: tuple[str, ...]
    access: tuple[Access, ...]


def documented_tables() -> list[DocumentedTable]:
    """Every table that the program declares, sorted by its room and its place in it.

    Raises:
        UndocumentedError: A table has no design, or a design that says nothing.
    """
    known = designs()
    found: dict[str, DocumentedTable] = {}
    for table in _recorded(STAGE):
        name = _general(_own_name(table, STAGE))
        if name not in found:
            found[name] = _documented(name, table, known)
    order = list(known)
    return sorted(found.values(), key=lambda table: order.index(_design_of(table.name)))


def _documented(name: str, table: Recorded, known: Mapping[str, tuple[str, TableShape]]) -> DocumentedTable:
    if _design_of(name) not in known:
        constant = _design_of(name).replace("-", "_").upper()
        raise UndocumentedError(f"table {name!r} has no design {constant} in components/*/tables.py")
    room, design = known[_design_of(name)]
    if not design.attributes:
        raise UndocumentedError(
            f"the design of table {name!r} in components/{room}/tables.py has no attributes"
        )
    twins = {stage: _twin(name, stage) for stage in STAGES if stage != "local"}
    return DocumentedTable(
        name=name,
        room=room,
        design=design,
        declared=table.inputs,
        recovered_in=tuple(
            stage for stage, twin in twins.items() if twin.inputs["pointInTimeRecovery"]["enabled"]
        ),
        protected_in=tuple(
            stage for stage, twin in twins.items() if twin.inputs["deletionProtectionEnabled"]
        ),
        access=tuple(_access(str(table.inputs["name"]))),
    )


def designs() -> dict[str, tuple[str, TableShape]]:
    """Every design in `components/*/tables.py` by the name of its table, with the name of its room."""
    found: dict[str, tuple[str, TableShape]] = {}
    for module in pkgutil.walk_packages(components.__path__, "components."):
        _, room, *name = module.name.split(".")
        if name != ["tables"]:
            continue
        for constant, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, TableShape):
                found[constant.lower().replace("_", "-")] = (room, value)
    return found


def _design_of(name: str) -> str:
    return _SITE_DESIGN if name == _general(SITE_TABLES) else name


def _general(name: str) -> str:
    return SITE_TABLES.replace("*", "<site>") if fnmatch.fnmatch(name, SITE_TABLES) else name


def _recorded(stage: str) -> list[Recorded]:
    return recording(stage).of_type(_TABLE)


def _own_name(table: Recorded, stage: str) -> str:
    return str(table.inputs["name"]).removeprefix(f"anchor-{stage}-")


def _twin(name: str, stage: str) -> Recorded:
    """The same table in another stage."""
    return next(table for table in _recorded(stage) if _general(_own_name(table, stage)) == name)


def _access(table: str) -> Iterator[Access]:
    """What the policies of the program allow on a table, by the owner of the policy."""
    own_site = table.removeprefix(PREFIX).removesuffix(SITE_TABLES.partition("*")[2])
    general_site = _general(SITE_TABLES).removesuffix(SITE_TABLES.partition("*")[2])
    for policy in sorted(
        (
            *recording(STAGE).of_type("aws:iam/rolePolicy:RolePolicy"),
            *recording(STAGE).of_type("aws:iam/policy:Policy"),
        ),
        key=lambda policy: policy.name,
    ):
        actions: set[str] = set()
        indexes: set[str] = set()
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            for resource in _list(statement["Resource"]):
                path = resource.partition(":table/")[2]
                owner, _, index = path.partition("/index/")
                if owner and fnmatch.fnmatch(table, owner):
                    allowed = {action.removeprefix("dynamodb:") for action in _list(statement["Action"])}
                    indexes |= {index} if index else set()
                    actions |= set() if index else allowed
        if actions or indexes:
            who = policy.name.replace(own_site, general_site)
            yield Access(who=who, actions=tuple(sorted(actions)), indexes=tuple(sorted(indexes)))


def _list(value: object) -> Sequence[str]:
    return [value] if isinstance(value, str) else cast("Sequence[str]", value)
