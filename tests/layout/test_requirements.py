"""The functions use the same package versions as the tests."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from local.layers import AWS_SERVICES

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "runtime"


def read_lock(name: str) -> dict[str, str]:
    """Return the versions in a lock file by package."""
    lock = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE))


@pytest.mark.parametrize("package", read_lock("runtime"))
def test_a_package_of_the_functions_has_the_same_version_in_the_tests(package: str) -> None:
    """Q3: for example, an older boto3 does not know all parameters that the functions use."""
    assert read_lock("dev")[package] == read_lock("runtime")[package] == version(package)


def test_the_layers_contain_boto3_and_its_dependencies() -> None:
    """Lambda's own boto3 is perhaps too old to know the parameters that the functions use."""
    needed = {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
    assert needed <= read_lock("runtime").keys()


def test_the_layers_contain_the_api_models_of_all_called_services() -> None:
    called = {
        service
        for path in RUNTIME.rglob("*.py")
        for service in re.findall(r"aws\.client\(\s*\"([\w-]+)\"", path.read_text())
    }
    assert called == set(AWS_SERVICES)
    created = [path.name for path in RUNTIME.rglob("*.py") if re.search(r"boto3\.\w+\(", path.read_text())]
    assert created == ["aws.py"], "clients are created in runtime/shared/aws.py only"
