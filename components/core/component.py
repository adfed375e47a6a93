"""Base classes of components and parts: tags, and resource options for the retention of data."""

from collections.abc import Mapping
from typing import Final, cast

import pulumi

from components.core.scope import ResourceScope

NO_TAGS: Final[Mapping[str, str]] = {}


class Component(pulumi.ComponentResource):
    """A component whose resources share a scope.

    Every child resource that supports tags gets the tags of the scope and the tag `Component`. The value of
    `Component` is the class name of the outermost component, so that costs can be grouped by the components
    of the program.

    A resource transformation adds the tags. The AWS provider's default tags cannot be used: they are the
    same for all components, and tests under mocks could not check them, because mocks run no provider.

    Args:
        module: Middle part of the type token `anchor:<module>:<class>`.
        name: Component name. Resource names start with the scope's prefix and this name.
        scope: Values that the resources share, such as the name prefix.
        opts: Pulumi options of the component.
        tags: Additional tags.
    """

    def __init__(
        self,
        module: str,
        name: str,
        scope: ResourceScope,
        opts: pulumi.ResourceOptions | None,
        *,
        tags: Mapping[str, str] = NO_TAGS,
    ) -> None:
        kind = type(self).__name__
        component_tags = {**scope.tags, "Component": kind, **tags}

        def add_tags(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
            if "tags" not in args.props:
                return None
            # Transformations of inner components run first, so the outermost component sets the final values.
            input_tags = cast("Mapping[str, object]", args.props["tags"] or {})
            props = {**args.props, "tags": {**input_tags, **component_tags}}
            return pulumi.ResourceTransformationResult(props, args.opts)

        tag_opts = pulumi.ResourceOptions(transformations=[add_tags])
        super().__init__(f"anchor:{module}:{kind}", name, None, pulumi.ResourceOptions.merge(opts, tag_opts))
        self.scope = scope

    @property
    def child_opts(self) -> pulumi.ResourceOptions:
        """Options of a child resource."""
        return pulumi.ResourceOptions(parent=self)

    @property
    def retained_child_opts(self) -> pulumi.ResourceOptions:
        """Options of a child resource with data. If the scope retains data, it is protected and kept."""
        return _build_retained_opts(self, self.scope)


class Part:
    """A group of resources inside a component. The group itself is not a Pulumi component.

    Pulumi registers every component and its outputs, which takes time. Groups that exist once per site
    therefore derive from this class. If these groups were components, a program with many sites would
    register a third more resources.

    Args:
        scope: Values that the resources share, such as the name prefix.
        opts: `child_opts` of the enclosing component. Only the option `parent` is used.
    """

    def __init__(self, scope: ResourceScope, opts: pulumi.ResourceOptions | None) -> None:
        self.scope = scope
        self._parent = opts.parent if opts else None

    @property
    def child_opts(self) -> pulumi.ResourceOptions:
        """Options of a resource in this group."""
        return pulumi.ResourceOptions(parent=self._parent)

    @property
    def retained_child_opts(self) -> pulumi.ResourceOptions:
        """Options of a resource with data. If the scope retains data, it is protected and kept."""
        return _build_retained_opts(self._parent, self.scope)


def _build_retained_opts(parent: pulumi.Resource | None, scope: ResourceScope) -> pulumi.ResourceOptions:
    retain = scope.retain
    return pulumi.ResourceOptions(parent=parent, protect=retain, retain_on_delete=retain)
