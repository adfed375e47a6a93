"""The example programs use the components without the platform's settings (W1)."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from policies.rules import RULES
from tests.components.recorder import ACCOUNT, ROOT
from tests.docs.pages import read_page
from tests.packages.example_programs import EXAMPLES, record_example
from tests.policies.views import build_graph

PROGRAMS = ("table-and-bucket", "one-site")


def test_the_table_and_the_bucket_have_the_names_and_tags_of_the_scope(installed_components: Path) -> None:
    recorded = record_example("table-and-bucket", installed_components)
    assert recorded.outputs == {
        "table": "notes-dev-notes",
        "bucket": f"notes-dev-{ACCOUNT}-files",
        "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/notes-dev-application",
    }
    tags = {
        each.type: each.inputs["tags"]
        for each in recorded.resources
        if each.custom and each.inputs.get("tags")
    }
    assert tags == {
        "aws:dynamodb/table:Table": {"Component": "TenantTable", "Project": "notes"},
        "aws:s3/bucket:Bucket": {"Component": "RetainedBucket", "Project": "notes"},
    }


@pytest.mark.parametrize(("stack", "retained"), [("dev", False), ("production", True)])
def test_the_scope_decides_whether_data_is_retained(
    stack: str, *, retained: bool, installed_components: Path
) -> None:
    recorded = record_example("table-and-bucket", installed_components, stack)
    for kind in ("aws:dynamodb/table:Table", "aws:s3/bucket:Bucket"):
        (resource,) = recorded.find_by_type(kind)
        assert (resource.protect, resource.retain_on_delete) == (retained, retained)


def test_one_site_declares_itself_with_its_own_path_of_secrets(installed_components: Path) -> None:
    recorded = record_example("one-site", installed_components)
    rows = [
        json.loads(row.inputs["item"]) for row in recorded.find_by_type("aws:dynamodb/tableItem:TableItem")
    ]
    (names,) = [row["names"]["L"] for row in rows if "names" in row]
    assert names == [{"S": "shop"}]  # `GET /sites` lists them
    (site,) = [row for row in rows if "site" in row]
    item = {name: value["S"] for name, value in site.items()}
    assert item["site"] == "shop"
    assert item["secretsPath"] == "/shop-dev/sites/shop"
    assert item["serverFunction"] == "shop-dev-site-shop-server"
    assert recorded.outputs["url"] == f"https://{item['host']}"


def test_the_guide_prints_the_files_of_the_first_example() -> None:
    blocks = read_page("docs/guides/use-the-components.md").blocks
    printed = {
        language: next(block.text.strip() for block in blocks if block.language == language)
        for language in ("python", "yaml")
    }
    files = {"python": "__main__.py", "yaml": "Pulumi.yaml"}
    folder = EXAMPLES / "table-and-bucket"
    assert printed == {language: (folder / name).read_text().strip() for language, name in files.items()}


@pytest.mark.parametrize("stack", ["dev", "production"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_example_obeys_the_rules_of_the_policy_pack(
    program: str, stack: str, installed_components: Path
) -> None:
    """The rule for wildcards has reasons only for the names of the platform's own stages."""
    graph = build_graph(record_example(program, installed_components, stack))
    rules = [rule for rule in RULES if rule.name != "no-wildcard-resource"]
    assert [problem for rule in rules for _, problem in rule.find_violations(graph)] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_example_has_fewer_than_60_lines(program: str) -> None:
    assert len((EXAMPLES / program / "__main__.py").read_text().splitlines()) < 60


@pytest.mark.thorough
def test_a_strict_type_checker_accepts_the_examples(installed_components: Path, tmp_path: Path) -> None:
    """The installed package is typed: a wrong argument is found, too."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from anchor_deploy import ResourceScope\n"
        "ResourceScope(prefix='shop', retain=False, architecture='arm')\n"
    )
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]
    include = [str(wrong), *(str(EXAMPLES / program) for program in PROGRAMS)]
    config = {**ours, "include": include, "extraPaths": [str(installed_components)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    command = Path(sys.executable).parent / "basedpyright"
    arguments = ["--outputjson", "--pythonpath", sys.executable, "--project", str(tmp_path)]
    checked = subprocess.run([str(command), *arguments], capture_output=True, text=True, check=False)
    found = json.loads(checked.stdout)["generalDiagnostics"]
    assert {(Path(each["file"]).name, each["rule"]) for each in found} == {("wrong.py", "reportArgumentType")}
