"""Deployments that are killed, and the commands of docs/operations.md that repair the stack."""

from collections import Counter
from typing import Final

import pytest

from local.pulumi_engine.cli import PulumiFailedError
from tests.engine.interruptions import (
    IMPORT_IDS,
    Killer,
    Pending,
    delete_table_items,
    find_imports,
    import_resource,
    import_resources,
    list_pending_creations,
)
from tests.engine.inventory import list_resources
from tests.engine.stacks import ROOT, Stack
from tests.local.emulator.test_conflicts import CALLS

KILLS: Final = 20
CREATIONS_BETWEEN_KILLS: Final = 4
# After each of the first kills, the test imports one resource with the command for a single resource. This is
# the number of these kills.
SINGLE_IMPORTS: Final = 3
# Kinds of resources without a unique name. If Pulumi repeats a creation, AWS creates a second resource, and
# the first one is left over.
UNNAMED: Final = {
    "api gateway apis": "aws:apigatewayv2/api:Api",
    "cloudfront distributions": "aws:cloudfront/distribution:Distribution",
    "kms keys": "aws:kms/key:Key",
    "user pools": "aws:cognito/userPool:UserPool",
}


def test_a_deployment_that_was_killed_twenty_times_is_repaired_and_completed(
    interruptible_dev: Stack,
) -> None:
    """G10: at each kill, AWS has created a resource that Pulumi does not know yet."""
    killer, interrupted = Killer(), list[Pending]()
    for kill in range(KILLS):
        killer.start_and_kill(interruptible_dev, CREATIONS_BETWEEN_KILLS)
        remove_lock(interruptible_dev)
        pending = list_pending_creations(interruptible_dev)
        interrupted += pending
        delete_table_items(interruptible_dev, pending)
        imports = find_imports(interruptible_dev, pending)
        if imports and kill < SINGLE_IMPORTS:
            import_resource(interruptible_dev, imports.pop())
        import_resources(interruptible_dev, imports)

    completed = interruptible_dev.up()
    assert set(completed.counts) <= {"created", "updated", "unchanged"}, completed.output
    interruptible_dev.refresh("--clear-pending-creates")
    checked = interruptible_dev.preview("--refresh")
    assert checked.has_no_change(), checked.output
    assert "warning" not in checked.output
    check_leftovers(interruptible_dev, interrupted)


def remove_lock(stack: Stack) -> None:
    """Remove the lock of a killed deployment."""
    stack.project.run("cancel", f"--stack={stack.stage}", "--yes")


def check_leftovers(dev: Stack, interrupted: list[Pending]) -> None:
    """Only resources without a unique name are left over, at most one for each interrupted creation."""
    existing = list_resources(dev.emulator)
    known = Counter(resource["type"] for resource in dev.get_state()["resources"])
    repeated = Counter(resource["type"] for resource in interrupted)
    for kind, type_token in UNNAMED.items():
        assert known[type_token] <= len(existing[kind]) <= known[type_token] + repeated[type_token]


def test_aws_refuses_a_repeated_creation_and_pulumi_names_the_resource(interruptible_dev: Stack) -> None:
    """G10: without a repair, the next deployment fails. Its output has the names that the repair needs."""
    Killer().start_and_kill(interruptible_dev, CREATIONS_BETWEEN_KILLS)
    with pytest.raises(PulumiFailedError, match=r"the stack is currently locked.*`pulumi cancel`"):
        interruptible_dev.up()
    remove_lock(interruptible_dev)
    imports = find_imports(interruptible_dev, list_pending_creations(interruptible_dev))
    assert imports
    with pytest.raises(PulumiFailedError) as failure:
        interruptible_dev.up()
    for resource in imports:
        assert f"::{resource.name}, interrupted while creating" in failure.value.output
    # After the first failure, Pulumi starts no other creation. So the output has at least one of these lines.
    assert any(f"cannot create {resource.name}: " in failure.value.output for resource in imports)
    assert "already exist" in failure.value.output


def test_the_runbook_says_how_to_import_each_type_that_aws_creates_only_once() -> None:
    """G10: the table has a row for each type of resource whose second creation AWS refuses."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("## An interrupted deployment")[2].partition("\n## ")[0]
    refused = {type_token for type_token, (_, code) in CALLS.items() if code is not None}
    assert [type_token for type_token in sorted(refused) if f"`{type_token}`" not in section] == []
    assert IMPORT_IDS.keys() <= refused
