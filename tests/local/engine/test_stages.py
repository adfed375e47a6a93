"""Each stage except `local` is created, deployed again without a change, and deleted (L4, L6, G3, G7)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment, Engine, ResourceError
from local.stage import find_hosted_zones
from tests.components.recorder import create_layers
from tests.components.stages import STAGE_FILES
from tests.local.deployed_program import ROOT
from tests.local.providers.reading import find_drift, read_properties

STAGES = ("dev", "staging", "production")


@pytest.fixture(scope="module")
def layers() -> Iterator[Path]:
    with create_layers() as folder:
        yield folder


def deploy_stage(engine: Engine, stage: str, layers: Path) -> Deployment:
    return engine.deploy(stack=stage, overrides={"anchor-deploy:layers": str(layers)})


def disable_deletion_protection(emulator: Emulator, deployment: Deployment) -> None:
    """Disable the deletion protection, as an operator must do before production can be deleted."""
    for table in deployment.find_by_type("aws:dynamodb/table:Table"):
        emulator.client("dynamodb").update_table(TableName=table.id, DeletionProtectionEnabled=False)
    for pool in deployment.find_by_type("aws:cognito/userPool:UserPool"):
        emulator.client("cognito-idp").update_user_pool(
            UserPoolId=pool.id, DeletionProtection="INACTIVE", AutoVerifiedAttributes=["email"]
        )


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_created_stays_unchanged_and_is_deleted(
    emulator: Emulator, layers: Path, stage: str
) -> None:
    engine = Engine(emulator, root=ROOT, stage_files=STAGE_FILES)
    settings = engine.load_settings(stage)["anchor-deploy:stage"]
    assert isinstance(settings, dict)
    for zone_id, name in find_hosted_zones(settings).items():
        emulator.create_hosted_zone(zone_id, name)

    first = deploy_stage(engine, stage, layers)
    assert len(first.created) == len(first.resources) > 200
    assert first.warnings == ()
    assert find_drift(emulator, first.resources) == {}

    second = deploy_stage(engine, stage, layers)
    assert (second.created, second.updated, second.deleted) == ((), (), ())
    assert second.outputs == first.outputs

    if stage == "production":
        with pytest.raises(ResourceError, match="protected against deletion"):
            engine.destroy()
        disable_deletion_protection(emulator, first)
    engine.destroy()
    assert [
        resource.urn for resource in first.resources if read_properties(emulator, resource) is not None
    ] == []
