"""Component and Part: the tags and the parent of what they contain."""

import pulumi
import pulumi_aws as aws

from components.core.component import Component, Part
from tests.components.recorder import record_program
from tests.components.stages import stage


class Inner(Component):
    def __init__(self, opts: pulumi.ResourceOptions) -> None:
        super().__init__("test", "inner", stage(), opts, tags={"Depth": "2"})
        aws.sqs.Queue("inner", tags={"Owner": "someone", "Project": "another"}, opts=self.inside)


class Outer(Component):
    def __init__(self) -> None:
        super().__init__("test", "outer", stage(), None, tags={"Site": "shop"})
        Inner(self.inside)
        aws.kms.Alias("outer", target_key_id="key", opts=self.inside)


def test_the_outermost_component_names_itself_and_other_tags_stay() -> None:
    """G6."""
    (queue,) = record_program(Outer).of("aws:sqs/queue:Queue")
    assert queue.inputs["tags"] == {
        "Owner": "someone",
        "Depth": "2",
        "Project": "anchor-deploy",
        "Stage": "dev",
        "Component": "Outer",
        "Site": "shop",
    }


def test_what_takes_no_tags_gets_none() -> None:
    """G6."""
    (alias,) = record_program(Outer).of("aws:kms/alias:Alias")
    assert "tags" not in alias.inputs


class Outside(Component):
    def __init__(self) -> None:
        super().__init__("test", "outside", stage("production"), None)
        part = Part(self.stage, self.inside)
        aws.sqs.Queue("gone", opts=part.inside)
        aws.sqs.Queue("kept", opts=part.kept)


def test_what_is_in_a_part_stands_in_its_component() -> None:
    """G3, G6: a part is no resource itself, and production keeps what a component would keep."""
    recorded = record_program(Outside)
    (component,) = (resource for resource in recorded.resources if not resource.custom)
    gone, kept = recorded.of("aws:sqs/queue:Queue")
    assert gone.parent == kept.parent == component.urn
    assert gone.inputs["tags"]["Component"] == "Outside"
    assert not gone.protect
    assert kept.protect
    assert kept.retain_on_delete
