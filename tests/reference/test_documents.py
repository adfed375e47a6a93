"""The documents that are made from the code say what it says (T9)."""

import ast
import re
from pathlib import Path

import pytest

from components.core.stage import STAGES
from components.core.stage_settings import StageSettings
from reference import configuration, documents, tables
from reference.docstrings import UndocumentedError, attribute, attributes, summary
from reference.documents import DOCUMENTS
from tests.components.recorder import ROOT, record_stage

TABLE = "aws:dynamodb/table:Table"


def document(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def settings_of_stage_files() -> set[str]:
    """Every name that stands in a mapping of `anchor-deploy:stage` of some stage."""
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            found.update(value)
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                walk(item)

    for stage in STAGES:
        walk(configuration.stage_file(stage))
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_says_what_the_code_says(name: str) -> None:
    """T9."""
    assert (ROOT / name).read_text() == DOCUMENTS[name](), f"{name} is stale: run `make reference`"


def test_every_table_of_every_stage_is_in_the_schema() -> None:
    """T9."""
    schema = document("database-schema.md")
    for stage in ("dev", "staging", "production"):
        names = [resource.inputs["name"] for resource in record_stage(stage) if resource.type == TABLE]
        assert names
        for name in names:
            own = re.sub(r"^site-.*-tags$", "site-<site>-tags", name.removeprefix(f"anchor-{stage}-"))
            assert f"### `anchor-<stage>-{own}`" in schema, f"{name} is not in docs/database-schema.md"


def test_every_index_of_every_table_has_a_reason_and_a_query() -> None:
    """T9."""
    indexes = [
        index
        for resource in record_stage("production")
        if resource.type == TABLE
        for index in resource.inputs.get("globalSecondaryIndexes") or []
    ]
    assert indexes
    rows = document("database-schema.md").splitlines()
    for index in indexes:
        (first, *_) = [row for row in rows if row.startswith(f"| `{index['name']}` |")]
        assert [cell.strip() for cell in first.strip("|").split(" | ")].count("") == 0


def test_a_table_without_a_design_cannot_be_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "designs", dict)
    with pytest.raises(UndocumentedError, match=r"table '.+' has no design [A-Z_]+ in components"):
        tables.documented_tables()


def test_every_setting_of_a_stage_is_explained() -> None:
    text = document("configuration.md")
    assert {"architecture", "sites", "name", "memory"} <= settings_of_stage_files()
    for name in settings_of_stage_files():
        assert f"| `{name}` | " in text, f"{name} is not in docs/configuration.md"


@pytest.mark.parametrize(
    "contradiction", configuration.CONTRADICTIONS, ids=lambda each: "-".join(each.change)
)
def test_each_contradiction_stops_the_program_with_the_message_of_the_document(
    contradiction: configuration.Contradiction,
) -> None:
    """G4."""
    message = configuration.refused_with(contradiction)
    assert f"{message} |" in document("configuration.md").replace("\\|", "|")


def test_no_contradiction_is_left_out() -> None:
    """A new one in the program asks for an example in `reference/configuration.py`."""
    tree = ast.parse((ROOT / "components" / "core" / "consistency.py").read_text())
    said = [node for node in ast.walk(tree) if isinstance(node, ast.Yield)]
    assert len(said) > 5
    messages = [configuration.refused_with(each) for each in configuration.CONTRADICTIONS]
    assert len(set(messages)) == len(messages) >= len(said)


def test_what_is_no_contradiction_is_not_documented_as_one() -> None:
    with pytest.raises(ValueError, match="is accepted"):
        configuration.refused_with(configuration.Contradiction())


def test_a_setting_without_a_meaning_cannot_be_documented() -> None:
    with pytest.raises(UndocumentedError, match=r"StageSettings\.colour is not in the class's docstring"):
        attribute(StageSettings, "colour")

    class Silent:
        pass

    with pytest.raises(UndocumentedError, match="Silent has no docstring"):
        summary(Silent)


def test_meanings_are_read_over_several_lines_and_nothing_else_is() -> None:
    class Documented:
        """In one line.

        Attributes:
            one: Of two
                lines: with a colon.
            other: Of one.

        Raises:
            ValueError: never.
        """

    assert summary(Documented) == "In one line."
    assert attributes(Documented) == {"one": "Of two lines: with a colon.", "other": "Of one."}


def test_documents_are_written_once_and_then_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(documents, "CHECKOUT", tmp_path)
    monkeypatch.setattr(documents, "DOCUMENTS", {"docs/one.md": lambda: "One.\n"})
    assert documents.renew() == ["docs/one.md"]
    assert (tmp_path / "docs" / "one.md").read_text() == "One.\n"
    assert documents.renew() == []
