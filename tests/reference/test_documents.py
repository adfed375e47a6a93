"""The generated documents are up to date (T9)."""

import ast
import re
from pathlib import Path

import pytest

from components.core.stage_settings import StageSettings
from reference import configuration, documents, tables
from reference.docstrings import UndocumentedError, read_attribute, read_attributes, read_summary
from reference.documents import DOCUMENTS
from tests.components.recorder import ROOT, record_stage
from tests.components.stages import STAGES

TABLE = "aws:dynamodb/table:Table"


def read_document(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def find_settings_in_stage_files() -> set[str]:
    """Return the names of all settings below `anchor-deploy:stage` in the files of all stages."""
    found: set[str] = set()

    def collect_keys(value: object) -> None:
        if isinstance(value, dict):
            found.update(value)
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                collect_keys(item)

    for stage in STAGES:
        collect_keys(configuration.read_stage_file(stage))
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_is_up_to_date(name: str) -> None:
    """Requirement T9."""
    assert (ROOT / name).read_text() == DOCUMENTS[name](), f"{name} is stale: run `make reference`"


def test_every_table_of_every_stage_is_in_the_schema() -> None:
    """Requirement T9."""
    schema = read_document("database-schema.md")
    for stage in ("dev", "staging", "production"):
        names = [resource.inputs["name"] for resource in record_stage(stage) if resource.type == TABLE]
        assert names
        for name in names:
            own = re.sub(r"^site-.*-tags$", "site-<site>-tags", name.removeprefix(f"anchor-{stage}-"))
            assert f"### `anchor-<stage>-{own}`" in schema, f"{name} is not in docs/database-schema.md"


def test_every_index_of_every_table_has_a_reason_and_a_query() -> None:
    """Requirement T9."""
    indexes = [
        index
        for resource in record_stage("production")
        if resource.type == TABLE
        for index in resource.inputs.get("globalSecondaryIndexes") or []
    ]
    assert indexes
    rows = read_document("database-schema.md").splitlines()
    for index in indexes:
        (first, *_) = [row for row in rows if row.startswith(f"| `{index['name']}` |")]
        assert [cell.strip() for cell in first.strip("|").split(" | ")].count("") == 0


def test_a_table_without_a_design_cannot_be_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "find_designs", dict)
    with pytest.raises(UndocumentedError, match=r"table '.+' has no design [A-Z_]+ in components"):
        tables.list_documented_tables()


def test_every_setting_of_a_stage_is_documented() -> None:
    text = read_document("configuration.md")
    assert {"architecture", "sites", "name", "memory"} <= find_settings_in_stage_files()
    for name in find_settings_in_stage_files():
        assert f"| `{name}` | " in text, f"{name} is not in docs/configuration.md"


@pytest.mark.parametrize(
    "contradiction", configuration.CONTRADICTIONS, ids=lambda each: "-".join(each.change)
)
def test_each_contradiction_is_refused_with_the_documented_message(
    contradiction: configuration.Contradiction,
) -> None:
    """Requirement G4."""
    message = configuration.find_refusal_message(contradiction)
    assert f"{message} |" in read_document("configuration.md").replace("\\|", "|")


def test_every_contradiction_has_an_example() -> None:
    """Every `yield` in components/core/consistency.py needs an example in reference/configuration.py."""
    tree = ast.parse((ROOT / "components" / "core" / "consistency.py").read_text())
    yields = [node for node in ast.walk(tree) if isinstance(node, ast.Yield)]
    assert len(yields) > 5
    messages = [configuration.find_refusal_message(each) for each in configuration.CONTRADICTIONS]
    assert len(set(messages)) == len(messages) >= len(yields)


def test_documenting_valid_settings_as_a_contradiction_is_an_error() -> None:
    with pytest.raises(ValueError, match="is accepted"):
        configuration.find_refusal_message(configuration.Contradiction())


def test_a_setting_without_a_description_is_an_error() -> None:
    with pytest.raises(UndocumentedError, match=r"StageSettings\.colour is not in the class's docstring"):
        read_attribute(StageSettings, "colour")

    class Undocumented:
        pass

    with pytest.raises(UndocumentedError, match="Undocumented has no docstring"):
        read_summary(Undocumented)


def test_descriptions_of_attributes_can_span_lines() -> None:
    class Documented:
        """A summary.

        Attributes:
            one: Of two
                lines: with a colon.
            other: Of one.

        Raises:
            ValueError: never.
        """

    assert read_summary(Documented) == "A summary."
    assert read_attributes(Documented) == {"one": "Of two lines: with a colon.", "other": "Of one."}


def test_only_changed_documents_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(documents, "CHECKOUT", tmp_path)
    monkeypatch.setattr(documents, "DOCUMENTS", {"docs/one.md": lambda: "One.\n"})
    assert documents.write_documents() == ["docs/one.md"]
    assert (tmp_path / "docs" / "one.md").read_text() == "One.\n"
    assert documents.write_documents() == []
