"""The tables of the program, with their designs and the policies that give access to them."""

import fnmatch
import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from attrs import frozen

import components
from components.aws.table_design import TableShape
from reference.docstrings import UndocumentedError
from tests.components.recorder import Recorded, get_recording
from tests.components.stages import STAGES

# The document shows the tables of production. A test checks that all stages declare the same tables.
STAGE: Final = "production"
PREFIX: Final = f"anchor-{STAGE}-"
_TABLE: Final = "aws:dynamodb/table:Table"
# Each site has a table. These tables are equal except for their names, so the document describes only one.
SITE_TABLES: Final = "site-*-tags"
_SITE_DESIGN: Final = "tags"
_DESIGN_MODULES: Final = (["tables"], ["audit_table"])


@frozen(kw_only=True)
class Access:
    """The access that one policy gives to a table.

    Attributes:
        policy: The name of the policy, without the stage's prefix.
        actions: DynamoDB actions that are allowed on the table.
        indexes: Indexes of the table on which the policy allows actions.
    """

    policy: str
    actions: tuple[str, ...]
    indexes: tuple[str, ...]


@frozen(kw_only=True)
class DocumentedTable:
    """A table with its documentation.

    Attributes:
        name: The name without the stage's prefix; `site-<site>-tags` stands for the tables of all sites.
        folder: The folder of `components` that contains the design.
        design: The design, with the meanings of attributes and indexes.
        declared: The inputs of the resource in production.
        recovery_stages: The stages with point-in-time recovery.
        protected_stages: The stages with deletion protection.
        access: The access of each policy.
    """

    name: str
    folder: str
    design: TableShape
    declared: Mapping[str, Any]
    recovery_stages: tuple[str, ...]
    protected_stages: tuple[str, ...]
    access: tuple[Access, ...]


def list_documented_tables() -> list[DocumentedTable]:
    """Return all tables of the program, in the order of their designs.

    Raises:
        UndocumentedError: A table has no design, or its design has no attributes.
    """
    designs = find_designs()
    found: dict[str, DocumentedTable] = {}
    for table in _list_recorded_tables(STAGE):
        name = _replace_site_with_placeholder(_read_short_name(table, STAGE))
        if name not in found:
            found[name] = _create_documented_table(name, table, designs)
    order = list(designs)
    return sorted(found.values(), key=lambda table: order.index(_find_design_name(table.name)))


def _create_documented_table(
    name: str, table: Recorded, designs: Mapping[str, tuple[str, TableShape]]
) -> DocumentedTable:
    if _find_design_name(name) not in designs:
        constant = _find_design_name(name).replace("-", "_").upper()
        raise UndocumentedError(f"table {name!r} has no design {constant} in components/*/tables.py")
    folder, design = designs[_find_design_name(name)]
    if not design.attributes:
        raise UndocumentedError(
            f"the design of table {name!r} in components/{folder}/tables.py has no attributes"
        )
    by_stage = {stage: _find_table_in_stage(name, stage) for stage in STAGES if stage != "local"}
    return DocumentedTable(
        name=name,
        folder=folder,
        design=design,
        declared=table.inputs,
        recovery_stages=tuple(
            stage
            for stage, table_of_stage in by_stage.items()
            if table_of_stage.inputs["pointInTimeRecovery"]["enabled"]
        ),
        protected_stages=tuple(
            stage
            for stage, table_of_stage in by_stage.items()
            if table_of_stage.inputs["deletionProtectionEnabled"]
        ),
        access=tuple(_find_access(str(table.inputs["name"]))),
    )


def find_designs() -> dict[str, tuple[str, TableShape]]:
    """Return each design in `_DESIGN_MODULES` of `components` with its folder, by the name of the table."""
    found: dict[str, tuple[str, TableShape]] = {}
    for module in pkgutil.walk_packages(components.__path__, "components."):
        _, folder, *name = module.name.split(".")
        if name not in _DESIGN_MODULES:
            continue
        for constant, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, TableShape):
                found[constant.lower().replace("_", "-")] = (folder, value)
    return found


def _find_design_name(name: str) -> str:
    return _SITE_DESIGN if name == _replace_site_with_placeholder(SITE_TABLES) else name


def _replace_site_with_placeholder(name: str) -> str:
    return SITE_TABLES.replace("*", "<site>") if fnmatch.fnmatch(name, SITE_TABLES) else name


def _list_recorded_tables(stage: str) -> list[Recorded]:
    return get_recording(stage).find_by_type(_TABLE)


def _read_short_name(table: Recorded, stage: str) -> str:
    return str(table.inputs["name"]).removeprefix(f"anchor-{stage}-")


def _find_table_in_stage(name: str, stage: str) -> Recorded:
    """Return a stage's table. `name` is its name in the document, such as `site-<site>-tags`."""
    return next(
        table
        for table in _list_recorded_tables(stage)
        if _replace_site_with_placeholder(_read_short_name(table, stage)) == name
    )


def _find_access(table: str) -> Iterator[Access]:
    """Yield the access that each policy of the program gives to a table."""
    own_site = table.removeprefix(PREFIX).removesuffix(SITE_TABLES.partition("*")[2])
    general_site = _replace_site_with_placeholder(SITE_TABLES).removesuffix(SITE_TABLES.partition("*")[2])
    for policy in sorted(
        (
            *get_recording(STAGE).find_by_type("aws:iam/rolePolicy:RolePolicy"),
            *get_recording(STAGE).find_by_type("aws:iam/policy:Policy"),
        ),
        key=lambda policy: policy.name,
    ):
        actions: set[str] = set()
        indexes: set[str] = set()
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            for resource in _to_list(statement["Resource"]):
                path = resource.partition(":table/")[2]
                owner, _, index = path.partition("/index/")
                if owner and fnmatch.fnmatch(table, owner):
                    allowed = {action.removeprefix("dynamodb:") for action in _to_list(statement["Action"])}
                    indexes |= {index} if index else set()
                    actions |= set() if index else allowed
        if actions or indexes:
            name = policy.name.replace(own_site, general_site)
            yield Access(policy=name, actions=tuple(sorted(actions)), indexes=tuple(sorted(indexes)))


def _to_list(value: object) -> Sequence[str]:
    return [value] if isinstance(value, str) else cast("Sequence[str]", value)
