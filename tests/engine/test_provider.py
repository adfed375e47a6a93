"""W1: Pulumi's own engine creates components with the provider `anchor`, as for another language.

The program uses no Python class of the components. It registers remote components by their type tokens, as
the generated classes of every language do.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
import yaml

from local.pulumi_engine.cli import PulumiCommandLine, PulumiFailedError, PulumiProject
from local.pulumi_engine.provider import run_provider
from tests.engine.stacks import StackFactory, Steps
from tests.packages.wheels import make_wheel, unpack_wheel

STACK: Final = "dev"
PROGRAM: Final = """\
import pulumi

SCOPE = {"prefix": "notes-dev", "retain": False, "tags": {"Project": "notes"}}


class Remote(pulumi.ComponentResource):
    def __init__(self, kind, name, **properties):
        super().__init__(f"anchor:index:{kind}", name, {"scope": SCOPE, **properties}, remote=True)


notes = Remote(
    "TenantTable", "notes", tenant="TENANT", partitionKey={"name": "userId"}, tableName=None, arn=None
)
files = Remote("RetainedBucket", "files", versioned=True, bucketName=None)
pulumi.export("table", notes.tableName)
pulumi.export("bucket", files.bucketName)
"""


@pytest.fixture
def notes(stacks: StackFactory, command_line: PulumiCommandLine, tmp_path: Path) -> Generator[PulumiProject]:
    """The project of the program, with an empty stack and the provider of the unpacked wheel."""
    installed = tmp_path / "installed"
    unpack_wheel(make_wheel("components", tmp_path / "dist"), installed)
    stacks.emulator.reset()
    folder = tmp_path / "program"
    folder.mkdir()
    plugin = {"name": "anchor", "path": str(installed / "anchor_deploy" / "provider")}
    project = {"name": "notes", "runtime": "python", "plugins": {"providers": [plugin]}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (folder / "__main__.py").write_text(PROGRAM.replace("TENANT", "userId"))
    with run_provider(stacks.emulator, root=folder) as port:
        made = PulumiProject(
            command_line=command_line,
            folder=folder,
            state=tmp_path / "state",
            provider_port=port,
            variables={"PYTHONPATH": str(installed)},
        )
        made.create_stack(STACK)
        yield made


def run(project: PulumiProject, command: str) -> Steps:
    options = ("--stack", STACK, "--yes", "--skip-preview")
    return Steps.parse(project.run(command, *options))


def test_remote_components_are_created_kept_and_deleted(notes: PulumiProject, stacks: StackFactory) -> None:
    assert run(notes, "up").counts["created"] > 10
    assert stacks.emulator.client("dynamodb").list_tables()["TableNames"] == ["notes-dev-notes"]
    kinds = {each["type"] for each in notes.iterate_resources(STACK)}
    assert {"anchor:index:TenantTable", "anchor:index:RetainedBucket"} <= kinds
    assert run(notes, "up").has_no_change()
    run(notes, "destroy")
    assert stacks.emulator.client("dynamodb").list_tables()["TableNames"] == []


def test_a_wrong_argument_is_reported_with_its_resource_and_the_reason(notes: PulumiProject) -> None:
    (notes.folder / "__main__.py").write_text(PROGRAM.replace("TENANT", "ownerId"))
    with pytest.raises(PulumiFailedError) as refused:
        notes.run("preview", "--stack", STACK)
    assert (
        "anchor:index:TenantTable resource 'notes' has a problem: no query finds the rows of a tenant by "
        "'ownerId'"
    ) in refused.value.output
