"""Component and Part: tags and parents of child resources."""

import pulumi
import pulumi_aws as aws

from components.core.component import Component, Part
from tests.components.recorder import record_program
from tests.components.stages import make_scope


class Inner(Component):
    def __init__(self, opts: pulumi.ResourceOptions) -> None:
        super().__init__("test", "inner", make_scope(), opts, tags={"Depth": "2"})
        aws.sqs.Queue("inner", tags={"Owner": "someone", "Project": "another"}, opts=self.child_opts)


class Outer(Component):
    def __init__(self) -> None:
        super().__init__("test", "outer", make_scope(), None, tags={"Site": "shop"})
        Inner(self.child_opts)
        aws.kms.Alias("outer", target_key_id="key", opts=self.child_opts)


def test_the_component_tag_names_the_outermost_component() -> None:
    """Requirement G6."""
    (queue,) = record_program(Outer).find_by_type("aws:sqs/queue:Queue")
    assert queue.inputs["tags"] == {
        "Owner": "someone",
        "Depth": "2",
        "Project": "anchor-deploy",
        "Stage": "dev",
        "Component": "Outer",
        "Site": "shop",
    }


def test_resources_without_tag_support_get_no_tags() -> None:
    """Requirement G6."""
    (alias,) = record_program(Outer).find_by_type("aws:kms/alias:Alias")
    assert "tags" not in alias.inputs


class WithPart(Component):
    def __init__(self) -> None:
        super().__init__("test", "with-part", make_scope("production"), None)
        part = Part(self.scope, self.child_opts)
        aws.sqs.Queue("deletable", opts=part.child_opts)
        aws.sqs.Queue("retained", opts=part.retained_child_opts)


def test_resources_of_a_part_are_children_of_its_component() -> None:
    """G3, G6: resources of a part get the same tags and retention as other children of its component."""
    recorded = record_program(WithPart)
    (component,) = (resource for resource in recorded.resources if not resource.custom)
    deletable, retained = recorded.find_by_type("aws:sqs/queue:Queue")
    assert deletable.parent == retained.parent == component.urn
    assert deletable.inputs["tags"]["Component"] == "WithPart"
    assert not deletable.protect
    assert retained.protect
    assert retained.retain_on_delete
