"""The composition root: a function imports what it needs before its first request, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.calls import REGION

ROOT = Path(__file__).parents[2]
PROGRAM = """
import importlib, json, os, sys
import boto3
from attrs import fields

def loaded():
    return {name for name in sys.modules if name.startswith("runtime.")}

class Client:
    class meta:
        region_name = os.environ["AWS_DEFAULT_REGION"]

boto3.client = lambda *_, **__: Client()
handler = importlib.import_module(sys.argv[1])
imported = loaded()
for attribute in fields(handler.Environment):
    os.environ[attribute.name.upper()] = "10"
handler.get_service()
print(json.dumps([sorted(imported), sorted(loaded() - imported)]))
"""
BUILDS, RELEASES = "runtime.deploy.builds.", "runtime.deploy.releases."
API, UPKEEP = "runtime.deploy.api.", "runtime.deploy.upkeep."
# For each handler, the prefixes of the modules that it must not import.
NOT_NEEDED = {
    "api": {RELEASES, UPKEEP},
    "build_events": {API, RELEASES, UPKEEP},
    "collect": {API, BUILDS},
    "orchestrator": {API, RELEASES, UPKEEP},
    "promote": {f"{BUILDS}building", f"{BUILDS}scheduling"},
    "release": {API, BUILDS, UPKEEP},
    "sweep": {API, RELEASES},
    "webhook": {API, RELEASES, UPKEEP},
}


def test_every_handler_of_the_deploy_platform_is_listed() -> None:
    files = {path.stem for path in (ROOT / "runtime" / "deploy" / "handlers").glob("*.py")}
    assert files - {"__init__"} == NOT_NEEDED.keys()


@pytest.mark.parametrize("name", NOT_NEEDED)
def test_a_function_imports_its_modules_before_the_first_request(name: str) -> None:
    """The reason: Lambda provides more CPU during initialization than during requests."""
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"runtime.deploy.handlers.{name}"],
        cwd=ROOT,
        env={"AWS_DEFAULT_REGION": REGION},
        capture_output=True,
        text=True,
        check=True,
    )
    imported, later = json.loads(answer.stdout)
    assert not later
    assert not {module for module in imported if module.startswith(tuple(NOT_NEEDED[name]))}
