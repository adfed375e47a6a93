"""PlatformApi: an update does not replace the resources that were formerly children of `BuildPipeline`."""

import pytest

from tests.components.recorder import get_recording
from tests.components.stages import STAGES

PIPELINE = "anchor:pipeline:BuildPipeline"
PLATFORM_API = "anchor:platform_api:PlatformApi"


@pytest.mark.parametrize("stage", STAGES)
def test_functions_have_a_pulumi_alias_with_their_former_parent(stage: str) -> None:
    """Without this alias, Pulumi would replace each function in an update."""
    recorded = get_recording(stage)
    ((pipeline,), (platform,)) = (recorded.find_by_type(PIPELINE), recorded.find_by_type(PLATFORM_API))
    children = [resource for resource in recorded.resources if resource.parent == platform.urn]
    assert {resource.name for resource in recorded.resources if f"{PLATFORM_API}$" in resource.urn} == {
        child.name for child in children
    }
    assert {child.name for child in children} >= {"api", "promote"}
    assert {child.former_parents for child in children} == {(pipeline.urn,)}


@pytest.mark.parametrize("stage", STAGES)
def test_only_children_of_the_platform_api_have_a_pulumi_alias(stage: str) -> None:
    others = [resource for resource in get_recording(stage).resources if PLATFORM_API not in resource.urn]
    assert not {resource.urn for resource in others if resource.former_parents}
