"""TableShape and TableDesign refuse invalid or incomplete documentation of a table (T9)."""

from typing import Any

import attrs
import pytest

from components.aws.table_design import Attribute, Index, Key, TableDesign, TableShape
from components.core.errors import DeclarationError
from components.deploy.audit_table import AUDIT
from components.deploy.tables import DEPLOYMENTS, PROJECTS, TAGS
from components.images.tables import IMAGES
from components.shops.tables import IMPORT_HISTORY, JOBS, SHOPS
from runtime.deploy.audit.model import AuditEntry
from runtime.deploy.model import Deployment, Project, Site
from runtime.images.model import Album, Image
from runtime.shared.converters import to_camel_case
from runtime.shops.model import ImportRecord, Job, Shop
from tests.components.recorder import get_recording

SHAPES = {
    "projects": PROJECTS,
    "deployments": DEPLOYMENTS,
    "audit": AUDIT,
    "site-next-site-tags": TAGS,
    "images": IMAGES,
    "shops": SHOPS,
    "jobs": JOBS,
    "import-history": IMPORT_HISTORY,
}
ID = Attribute("id", "S", "the id", "1")
USER = Attribute("userId", "S", "owner", "ada")
VALID: dict[str, Any] = {
    "purpose": "Rows.",
    "partition_key": Key("id"),
    "query": "id = '1'",
    "indexes": (
        Index(name="Users", partition_key=Key("userId"), purpose="rows of a user", query="userId = 'ada'"),
    ),
    "tenant": "userId",
    "attributes": (ID, USER),
}


def test_every_table_of_the_program_is_documented() -> None:
    """Requirement T9."""
    made = {table.name for table in get_recording("dev").find_by_type("aws:dynamodb/table:Table")}
    assert made == SHAPES.keys()
    assert all(shape.attributes for shape in SHAPES.values())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_attribute_is_documented_with_meaning_and_example(shape: TableShape) -> None:
    """Requirement T9."""
    assert all(attribute.meaning and attribute.example for attribute in shape.attributes)


@pytest.mark.parametrize(
    ("shape", "models"),
    [
        (PROJECTS, (Project, Site)),
        (DEPLOYMENTS, (Deployment,)),
        (AUDIT, (AuditEntry,)),
        (IMAGES, (Image, Album)),
        (SHOPS, (Shop,)),
        (JOBS, (Job,)),
        (IMPORT_HISTORY, (ImportRecord,)),
    ],
)
def test_every_attribute_of_the_models_is_documented(shape: TableShape, models: tuple[type, ...]) -> None:
    """Requirement T9."""
    written = {to_camel_case(field.name) for model in models for field in attrs.fields(model)}
    assert written - {attribute.name for attribute in shape.attributes} == set()


def test_a_documented_table_is_accepted() -> None:
    assert TableDesign(**VALID).attributes == (ID, USER)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"attributes": (ID,)}, "not documented: userId"),
        ({"attributes": (ID, USER, USER)}, "documented more than once: userId"),
        ({"attributes": (ID, Attribute("userId", "N", "x", "1"))}, "documented as N, but used as S"),
        ({"ttl_attribute": "until"}, "not documented: until"),
        ({"purpose": ""}, "needs a purpose"),
        ({"query": ""}, "an example query"),
        ({"indexes": (Index(name="Users", partition_key=Key("userId"), purpose="x"),)}, "an example query"),
        ({"tenant": "owner", "tenant_key": "userId"}, "the tenant attribute 'owner' is not documented"),
        ({"partition_key": Key("x" * 256)}, "1 to 255 bytes"),
        ({"partition_key": Key("id", "BOOL")}, "key 'id' is BOOL; allowed: S, N, B"),  # type: ignore[arg-type]
    ],
)
def test_incomplete_or_wrong_documentation_is_refused(change: dict[str, Any], problem: str) -> None:
    """Requirements T4 and T9."""
    with pytest.raises(DeclarationError, match=problem):
        TableDesign(**{**VALID, **change})


def test_all_indexes_together_project_at_most_100_attributes() -> None:
    """Requirement T4."""
    indexes = tuple(
        Index(
            name=f"Index{number}",
            partition_key=Key("userId"),
            projection=tuple(f"a{place}" for place in range(34)),
            purpose="a test",
        )
        for number in range(3)
    )
    with pytest.raises(DeclarationError, match="project 102 attributes by name; DynamoDB allows 100"):
        TableDesign(partition_key=Key("id"), indexes=indexes, tenant="userId")


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        (SHOPS, {"": ("domain",)}),
        (
            JOBS,
            {
                "": ("jobId",),
                "ShopIndex": ("shopDomain", "createdAt"),
                "StatusIndex": ("status", "createdAt"),
            },
        ),
        (IMPORT_HISTORY, {"": ("shopDomain", "timestamp")}),
        (
            IMAGES,
            {"": ("PK", "SK"), "UserIndex": ("GSI1PK", "GSI1SK"), "AlbumIndex": ("GSI2PK", "GSI2SK")},
        ),
    ],
)
def test_the_tables_of_images_and_shops_have_their_keys(
    shape: TableShape, keys: dict[str, tuple[str, ...]]
) -> None:
    """Requirements T7 and T8."""
    owners = {"": shape, **{index.name: index for index in shape.indexes}}
    assert {
        name: tuple(key.name for key in (owner.partition_key, owner.sort_key) if key)
        for name, owner in owners.items()
    } == keys


def test_rows_of_images_and_shops_expire() -> None:
    """Requirements T7 and T8."""
    assert [shape.ttl_attribute for shape in (IMAGES, JOBS, IMPORT_HISTORY, SHOPS)] == [
        "ttl",
        "expiresAt",
        "expiresAt",
        None,
    ]
    assert IMPORT_HISTORY.sort_key == Key("timestamp", "N")


def test_the_status_index_does_not_contain_the_progress_of_jobs() -> None:
    """T8: otherwise, each update of a job's progress would also write to this index."""
    (by_status,) = [index for index in JOBS.indexes if index.name == "StatusIndex"]
    assert by_status.projection == "KEYS_ONLY"
