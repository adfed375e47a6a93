"""The type checker finds wrong arguments of AWS resources, so that `make types` reports them."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from components.aws.package import CHECKOUT

pytestmark = pytest.mark.thorough

PROGRAM = """\
import pulumi_aws as aws

from components.aws.table import TenantTable

table = aws.dynamodb.Table("right", hash_key="id", billing_mode="PAY_PER_REQUEST")
aws.dynamodb.Table("wrong argument name", hash_kay="id")
aws.dynamodb.Table("wrong argument type", deletion_protection_enabled="yes")
aws.dynamodb.Table("wrong argument of an argument", ttl=aws.dynamodb.TableTtlArgs(attribute="expiresAt"))
aws.dynamodb.Table("wrong type in an argument", ttl=aws.dynamodb.TableTtlArgs(enabled=1.5))
aws.sqs.Queue("an output of another type", visibility_timeout_seconds=table.arn)
aws.sqs.Queue("an argument's class of another resource", tags=aws.dynamodb.TableTtlArgs(enabled=True))
print(table.stream_name)


def grants(rows: TenantTable) -> None:
    rows.grant("GetItem")
    rows.grant("GetEverything")
"""


def test_wrong_names_types_and_outputs_are_reported_with_their_line(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    ours = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["basedpyright"]
    config = {**ours, "include": [str(program)], "extraPaths": [str(CHECKOUT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    checked = subprocess.run(
        [
            str(Path(sys.executable).parent / "basedpyright"),
            "--outputjson",
            "--pythonpath",
            sys.executable,
            "--project",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(checked.stdout)["generalDiagnostics"]
    wrong = {
        number
        for number, line in enumerate(PROGRAM.splitlines())
        if "wrong" in line or "another" in line or "stream_name" in line or "GetEverything" in line
    }
    errors = {error["range"]["start"]["line"] for error in found}
    assert errors == wrong
    assert len(wrong) == 8
