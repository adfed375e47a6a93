"""The audit log is append-only: IAM lets no role change or delete its rows."""

from fnmatch import fnmatch

import pytest

from tests.components.policies import read_policy_statements
from tests.components.recorder import get_recording

STAGES = ("local", "dev", "staging", "production")


@pytest.mark.parametrize("stage", STAGES)
def test_roles_only_add_rows_to_the_audit_log_and_only_the_api_reads_them(stage: str) -> None:
    """Requirement A7."""
    recorded = get_recording(stage)
    arn = recorded.outputs["tables"]["audit"]["arn"]
    allowed: dict[str, set[str]] = {}
    for statement in read_policy_statements(recorded):
        for pattern in statement.resources:
            if fnmatch(arn, pattern) and any(action.startswith("dynamodb:") for action in statement.actions):
                role = statement.resource_urn.rpartition("::")[2]
                allowed.setdefault(role, set()).update(statement.actions)
    assert allowed == {
        "webhook": {"dynamodb:PutItem"},
        "api": {"dynamodb:PutItem", "dynamodb:Query"},
        "promote": {"dynamodb:PutItem"},
        "release": {"dynamodb:PutItem"},
    }


def test_the_rows_of_the_audit_log_expire() -> None:
    (table,) = [
        each
        for each in get_recording("production").find_by_type("aws:dynamodb/table:Table")
        if each.inputs["name"] == "anchor-production-audit"
    ]
    assert table.inputs["ttl"] == {"attributeName": "expiresAt", "enabled": True}
    assert table.inputs["deletionProtectionEnabled"]
