"""The stage production that `make up STAGE=production ENGINE=pulumi` runs, with a tiny site.

These tests run in a process of their own, because a process can run only one emulator.
"""

import shutil
from collections.abc import Generator

import pytest

from local.cloud import Cloud, find_free_ports
from local.engine.engine import Deployment
from local.progress import Progress
from tests.components.stages import STAGE_FILES
from tests.e2e.tiny_platform import TinyPlatform, TinyProject
from tests.engine.stacks import ROOT

SITE = "next-site"


@pytest.fixture(scope="session")
def cloud(request: pytest.FixtureRequest) -> Generator[Cloud]:
    """The stage production. Its state and logs are deleted at the end, unless a test has failed."""
    ports = find_free_ports()
    with Cloud.start(
        root=ROOT,
        stage_files=STAGE_FILES,
        ports=ports,
        progress=Progress(),
        stage="production",
        engine_name="pulumi",
    ) as cloud:
        yield cloud
    if not request.session.testsfailed:
        shutil.rmtree(ROOT / ".anchor" / str(ports.emulator), ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def first_deployment(cloud: Cloud) -> Deployment:
    """The deployment that created the stage. It is read before a test deploys the program again."""
    return cloud.deployed


@pytest.fixture(scope="session")
def platform(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> TinyPlatform:
    return TinyPlatform(cloud, tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def project(platform: TinyPlatform) -> TinyProject:
    return platform.create_project(SITE)
