"""TableShape: the documentation of a table is checked like its keys (T9)."""

from typing import Any

import attrs
import pytest

from components.aws.table_design import Attribute, Index, Key, TableDesign, TableShape
from components.core.errors import DeclarationError
from components.deploy.tables import DEPLOYMENTS, PROJECTS, TAGS
from components.images.tables import IMAGES
from components.shops.tables import IMPORT_HISTORY, JOBS, SHOPS
from runtime.deploy.model import Deployment, Project, Site
from runtime.images.model import Album, Image
from runtime.shared.converters import to_camel_case
from runtime.shops.model import ImportRecord, Job, Shop
from tests.components.recorder import recording

SHAPES = {
    "projects": PROJECTS,
    "deployments": DEPLOYMENTS,
    "site-next-site-tags": TAGS,
    "images": IMAGES,
    "shops": SHOPS,
    "jobs": JOBS,
    "import-history": IMPORT_HISTORY,
}
ID = Attribute("id", "S", "the id", "1")
USER = Attribute("userId", "S", "whose it is", "ada")
RIGHT: dict[str, Any] = {
    "purpose": "Things.",
    "partition": Key("id"),
    "query": "id = '1'",
    "indexes": (
        Index(name="Users", partition=Key("userId"), why="things of a user", query="userId = 'ada'"),
    ),
    "tenant": "userId",
    "attributes": (ID, USER),
}


def test_every_table_of_the_program_is_documented() -> None:
    """T9."""
    made = {table.name for table in recording("dev").of("aws:dynamodb/table:Table")}
    assert made == SHAPES.keys()
    assert all(shape.attributes for shape in SHAPES.values())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_attribute_is_documented_with_meaning_and_example(shape: TableShape) -> None:
    """T9."""
    assert all(attribute.meaning and attribute.example for attribute in shape.attributes)


@pytest.mark.parametrize(
    ("shape", "models"),
    [
        (PROJECTS, (Project, Site)),
        (DEPLOYMENTS, (Deployment,)),
        (IMAGES, (Image, Album)),
        (SHOPS, (Shop,)),
        (JOBS, (Job,)),
        (IMPORT_HISTORY, (ImportRecord,)),
    ],
)
def test_what_the_functions_write_is_documented(shape: TableShape, models: tuple[type, ...]) -> None:
    """T9: the documents are written from the declarations, and these keep up with the models."""
    written = {to_camel_case(field.name) for model in models for field in attrs.fields(model)}
    assert written - {attribute.name for attribute in shape.attributes} == set()


def test_a_documented_table_is_as_it_says() -> None:
    assert TableDesign(**RIGHT).attributes == (ID, USER)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"attributes": (ID,)}, "not documented: userId"),
        ({"attributes": (ID, USER, USER)}, "documented more than once: userId"),
        ({"attributes": (ID, Attribute("userId", "N", "x", "1"))}, "documented as N, but used as S"),
        ({"expires": "until"}, "not documented: until"),
        ({"purpose": ""}, "has a purpose"),
        ({"query": ""}, "an example query"),
        ({"indexes": (Index(name="Users", partition=Key("userId"), why="x"),)}, "an example query"),
        ({"tenant": "owner", "tenant_key": "userId"}, "the tenant 'owner' is not among the documented"),
        ({"partition": Key("x" * 256)}, "1 to 255 bytes"),
        ({"partition": Key("id", "BOOL")}, "key 'id' is BOOL; keys are S, N, B"),  # type: ignore[arg-type]
    ],
)
def test_documentation_that_does_not_fit_the_table_is_refused(change: dict[str, Any], problem: str) -> None:
    """T4, T9."""
    with pytest.raises(DeclarationError, match=problem):
        TableDesign(**{**RIGHT, **change})


def test_the_attributes_that_indexes_project_are_limited_over_all_of_them() -> None:
    """T4."""
    indexes = tuple(
        Index(
            name=f"Index{number}",
            partition=Key("userId"),
            projection=tuple(f"a{place}" for place in range(34)),
            why="a test",
        )
        for number in range(3)
    )
    with pytest.raises(DeclarationError, match="project 102 attributes by name; DynamoDB allows 100"):
        TableDesign(partition=Key("id"), indexes=indexes, tenant="userId")


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
def test_images_and_shops_have_the_keys_of_the_specification(
    shape: TableShape, keys: dict[str, tuple[str, ...]]
) -> None:
    """T7, T8."""
    owners = {"": shape, **{index.name: index for index in shape.indexes}}
    assert {
        name: tuple(key.name for key in (owner.partition, owner.sort) if key)
        for name, owner in owners.items()
    } == keys


def test_rows_of_images_and_shops_expire() -> None:
    """T7, T8."""
    assert [shape.expires for shape in (IMAGES, JOBS, IMPORT_HISTORY, SHOPS)] == [
        "ttl",
        "expiresAt",
        "expiresAt",
        None,
    ]
    assert IMPORT_HISTORY.sort == Key("timestamp", "N")


def test_a_jobs_progress_is_in_no_index_by_status() -> None:
    """T8: a write of progress would write to the index, too."""
    (by_status,) = [index for index in JOBS.indexes if index.name == "StatusIndex"]
    assert by_status.projection == "KEYS_ONLY"
