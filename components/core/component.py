"""Base classes of all components. They add tags and apply the stage's retention rule."""

from collections.abc import Mapping
from typing import Final, cast

import pulumi

from components.core.stage import StageConfig

NO_TAGS: Final[Mapping[str, str]] = {}


class Component(pulumi.ComponentResource):
    """A component of a stage.

    Every child resource that supports tags gets the tags `Project`, `Stage` and `Component`. `Component` is
    the outermost component, so costs can be grouped by the components in `__main__.py`.

    The tags are added by a resource transformation, not by the AWS provider's default tags. Default tags do
    not know the component, and mocks do not see them.

    Args:
        module: Middle part of the type token `anchor:<module>:<class>`.
        name: Component name. Resource names start with the stage's prefix and this name.
        stage: Stage settings.
        opts: Pulumi options of the component.
        tags: Additional tags.
    """

    def __init__(
        self,
        module: str,
        name: str,
        stage: StageConfig,
        opts: pulumi.ResourceOptions | None,
        *,
        tags: Mapping[str, str] = NO_TAGS,
    ) -> None:
        kind = type(self).__name__
        component_tags = {"Project": pulumi.get_project(), "Stage": stage.name, "Component": kind, **tags}

        def add_tags(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
            if "tags" not in args.props:
                return None
            # Transformations of inner components run first, so the outermost component sets the final values.
            input_tags = cast("Mapping[str, object]", args.props["tags"] or {})
            props = {**args.props, "tags": {**input_tags, **component_tags}}
            return pulumi.ResourceTransformationResult(props, args.opts)

        tag_opts = pulumi.ResourceOptions(transformations=[add_tags])
        super().__init__(f"anchor:{module}:{kind}", name, None, pulumi.ResourceOptions.merge(opts, tag_opts))
        self.stage = stage

    @property
    def child_opts(self) -> pulumi.ResourceOptions:
        """Options of a child resource."""
        return pulumi.ResourceOptions(parent=self)

    @property
    def retained_child_opts(self) -> pulumi.ResourceOptions:
        """Options of a child resource that holds data. Production protects and retains it."""
        return _retained_opts(self, self.stage)


class Part:
    """A group of resources inside a component. The group itself is not a Pulumi component.

    Pulumi registers every component, and every component reports its outputs. Both take time. Groups that
    exist once per site therefore derive from this class. As components, they would increase the number of
    registered resources of a stage with many sites by a third.

    Args:
        stage: Stage settings.
        opts: `child_opts` of the enclosing component. Only `parent` is used.
    """

    def __init__(self, stage: StageConfig, opts: pulumi.ResourceOptions | None) -> None:
        self.stage = stage
        self._parent = opts.parent if opts else None

    @property
    def child_opts(self) -> pulumi.ResourceOptions:
        """Options of a resource in this group."""
        return pulumi.ResourceOptions(parent=self._parent)

    @property
    def retained_child_opts(self) -> pulumi.ResourceOptions:
        """Options of a resource that holds data. Production protects and retains it."""
        return _retained_opts(self._parent, self.stage)


def _retained_opts(parent: pulumi.Resource | None, stage: StageConfig) -> pulumi.ResourceOptions:
    retain = stage.retains_data
    return pulumi.ResourceOptions(parent=parent, protect=retain, retain_on_delete=retain)
