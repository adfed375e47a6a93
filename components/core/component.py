"""What everything in `components` is made of: it tags what it contains and says what outlives the stage."""

from collections.abc import Mapping
from typing import Final, cast

import pulumi

from components.core.stage import StageConfig

NO_TAGS: Final[Mapping[str, str]] = {}


class Component(pulumi.ComponentResource):
    """A component of a stage.

    Every resource below it that can carry tags gets `Project`, `Stage` and `Component` (G6). The outermost
    component names itself: costs and alarms are asked for by what stands in `__main__.py`, not by its parts.

    Tags come from the SDK's transformations, which run in this process: mocks and other engines that stand
    behind the SDK see them, unlike the AWS provider's default tags, which also do not know the component.

    Args:
        module: The middle of the type token `anchor:<module>:<class>`.
        name: The component's name; with the stage's prefix it begins the names of its resources.
        stage: The stage it belongs to.
        opts: What the caller wants of the component.
        tags: Tags beyond the three.
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
        own = {"Project": pulumi.get_project(), "Stage": stage.name, "Component": kind, **tags}

        def tag(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
            if "tags" not in args.props:
                return None
            # The transformations of inner components run first, so the outermost has the last word.
            given = cast("Mapping[str, object]", args.props["tags"] or {})
            props = {**args.props, "tags": {**given, **own}}
            return pulumi.ResourceTransformationResult(props, args.opts)

        tagged = pulumi.ResourceOptions(transformations=[tag])
        super().__init__(f"anchor:{module}:{kind}", name, None, pulumi.ResourceOptions.merge(opts, tagged))
        self.stage = stage

    @property
    def inside(self) -> pulumi.ResourceOptions:
        """The options of a child that goes with the stage."""
        return pulumi.ResourceOptions(parent=self)

    @property
    def kept(self) -> pulumi.ResourceOptions:
        """The options of a child that holds what cannot be made again: production keeps it (G3)."""
        return _kept(self, self.stage)


class Part:
    """Resources that belong together within a component, below which they stand side by side with the others.

    A component is a resource to Pulumi, too, with a registration and a report of its outputs. What sites have
    several of is a part, and so is what components are put together of and nobody makes by itself: with
    components instead, a stage of many sites would register a third more.

    Args:
        stage: The stage it belongs to.
        opts: `inside` of the component that it is part of, from which it takes the parent and nothing else.
    """

    def __init__(self, stage: StageConfig, opts: pulumi.ResourceOptions | None) -> None:
        self.stage = stage
        self._parent = opts.parent if opts else None

    @property
    def inside(self) -> pulumi.ResourceOptions:
        """The options of a resource that goes with the stage."""
        return pulumi.ResourceOptions(parent=self._parent)

    @property
    def kept(self) -> pulumi.ResourceOptions:
        """The options of a resource that holds what cannot be made again: production keeps it (G3)."""
        return _kept(self._parent, self.stage)


def _kept(parent: pulumi.Resource | None, stage: StageConfig) -> pulumi.ResourceOptions:
    keep = stage.keeps_data
    return pulumi.ResourceOptions(parent=parent, protect=keep, retain_on_delete=keep)
