"""Deploys an unchanged Pulumi program to the embedded AWS, in place of Pulumi's engine and AWS provider.

For each resource type, `local.providers` has a function that creates the resource. The engine remembers
created resources by URN. A second run creates new resources, updates or replaces changed resources, and
deletes resources that the program no longer declares.
"""

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from attrs import define, evolve, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from local.emulator.emulator import Emulator
from local.engine.archives import Content
from local.engine.monitor import Monitor, Registration
from local.engine.program import run_main, run_program
from local.providers.core.registry import CREATORS, DELETERS, INVOKES, UPDATERS
from local.providers.core.replacement_rules import RULES
from local.providers.core.replacements import (
    find_changed_properties,
    find_replacement_causes,
    is_deleted_before_replacement,
)
from local.providers.core.resource import CreatedResource, DeclaredResource, Properties, ProviderContext
from stage_files.reading import StageFileError, read_stage_file

PROJECT = "anchor-deploy"
T = TypeVar("T")
OnResource = Callable[[str, str, float], None]


class EngineError(Exception):
    """The program could not be deployed to the embedded cloud."""


class UnknownTypeError(EngineError):
    """The program uses a resource type that the embedded cloud does not support yet."""

    def __init__(self, token: str, urn: str) -> None:
        super().__init__(
            f"the embedded cloud cannot create a {token} ({urn}): add a function for it to the module of its "
            f'service in local/providers, registered with the type\'s token "{token}"'
        )
        self.token = token
        self.urn = urn


class ResourceError(EngineError):
    """The emulated AWS refused a resource."""

    def __init__(self, verb: str, declared: DeclaredResource, cause: Exception) -> None:
        super().__init__(
            f"cannot {verb} {declared.type} {declared.name!r}: {cause}\n"
            f"  URN: {declared.urn}\n"
            "  Next: compare the arguments of this resource in components/ with that message."
        )
        self.urn = declared.urn


@frozen(kw_only=True)
class Resource:
    """A resource of the last run, with its state in the emulator."""

    urn: str
    type: str
    id: str
    inputs: Properties = field(repr=False)
    outputs: Properties = field(repr=False)


@frozen(kw_only=True)
class Deployment:
    """The result of a run. `created`, `updated` and `deleted` contain URNs, in the order of the changes.

    The URN of a replaced resource is in `created` and in `deleted`.
    """

    outputs: dict[str, Any]
    resources: tuple[Resource, ...]
    created: tuple[str, ...]
    updated: tuple[str, ...]
    deleted: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float

    def find_by_type(self, token: str) -> tuple[Resource, ...]:
        """Return the resources of one type."""
        return tuple(resource for resource in self.resources if resource.type == token)


class ProgramEngine(Protocol):
    """A deployer of the program to a running emulator: `Engine`, or Pulumi's own engine."""

    def deploy(
        self,
        *,
        stack: str = "local",
        root: Path | None = None,
        overrides: Mapping[str, object] | None = None,
        on_resource: OnResource | None = None,
    ) -> Deployment:
        """Deploy the program, as `Engine.deploy` does."""
        ...

    def load_settings(self, stack: str) -> Mapping[str, object]:
        """Return the settings of a stage, as `Engine.load_settings` does."""
        ...


@frozen(kw_only=True)
class _RememberedResource:
    """A resource that the engine remembers between runs.

    Attributes:
        position: Place in the order of creation. It stays the same when the resource is updated or replaced.
    """

    declared: DeclaredResource
    made: CreatedResource
    digest: str
    region: str
    position: int


@define(kw_only=True)
class _Run:
    """One run of the program, whose registrations come from several threads."""

    on_resource: OnResource | None
    lock: threading.Lock = field(factory=threading.Lock)
    seen: dict[str, None] = field(factory=dict)
    created: list[str] = field(factory=list)
    updated: list[str] = field(factory=list)
    deleted: list[str] = field(factory=list)
    failure: BaseException | None = None


class Engine:
    """A deployer of programs to a running emulator. It remembers the resources of one stack.

    Args:
        emulator: The started emulator.
        root: The program's folder, the base of relative paths of assets.
        stage_files: Folder of the stage files. By default `root`.
    """

    def __init__(self, emulator: Emulator, *, root: Path, stage_files: Path | None = None) -> None:
        self._emulator = emulator
        self._root = root
        self._stage_files = stage_files
        self._remembered: dict[str, _RememberedResource] = {}
        # Old resources whose replacements exist. A run deletes them at its end, if it succeeds.
        self._replaced: list[_RememberedResource] = []
        self._positions = itertools.count()

    def deploy(
        self,
        *,
        stack: str = "local",
        root: Path | None = None,
        overrides: Mapping[str, object] | None = None,
        on_resource: OnResource | None = None,
    ) -> Deployment:
        """Run `__main__.py` with the settings in `Pulumi.<stack>.yaml`.

        Args:
            stack: The stage's name.
            root: Another checkout of the program. This run and later runs deploy from this checkout.
            overrides: Replacements for values in the file. Two objects of the same setting are merged.
            on_resource: Called for each created or updated resource, with its URN, its type and the duration
                in seconds. The call can come from any thread.

        Raises:
            UnknownTypeError: The program registers a type without a creator.
            ResourceError: The emulator refused a resource.
            EngineError: The settings file is missing or wrong, or a resource cannot be changed or deleted.
        """
        self._root = root or self._root
        config = merge_settings(self.load_settings(stack), overrides or {})

        def program() -> None:
            run_main(self._root)

        return self.deploy_program(program, stack=stack, config=config, on_resource=on_resource)

    def deploy_program(
        self,
        program: Callable[[], object],
        *,
        stack: str,
        config: Mapping[str, object],
        on_resource: OnResource | None = None,
    ) -> Deployment:
        """Run a function as the program. Keys in `config` include the namespace, such as `aws:region`."""
        started = time.monotonic()
        run = _Run(on_resource=on_resource)
        monitor = Monitor(
            project=PROJECT,
            stack=stack,
            root=self._root,
            register=lambda registration: self._register(run, registration),
            invoke=self._invoke,
        )
        try:
            run_program(program, monitor, project=PROJECT, stack=stack, config=config)
        except BaseException as error:
            failure = run.failure
            # Set `failure` on Ctrl-C, too. The threads of the program then create no more resources.
            run.failure = failure or error
            if failure and failure is not error:
                raise failure from error
            raise
        if run.failure:
            raise run.failure
        undeclared = [remembered for urn, remembered in self._remembered.items() if urn not in run.seen]
        run.deleted.extend(self._delete_all([*undeclared, *self._replaced]))
        return Deployment(
            outputs=monitor.outputs,
            resources=tuple(self._describe_resource(urn) for urn in run.seen if urn in self._remembered),
            created=tuple(run.created),
            updated=tuple(run.updated),
            deleted=tuple(run.deleted),
            warnings=tuple(monitor.warnings),
            seconds=time.monotonic() - started,
        )

    def destroy(self) -> tuple[str, ...]:
        """Delete all resources, the newest first, and return their URNs."""
        return tuple(self._delete_all([*self._remembered.values(), *self._replaced]))

    def load_settings(self, stack: str) -> Mapping[str, object]:
        """Return the settings in `Pulumi.<stack>.yaml`. The keys include the namespace.

        Raises:
            EngineError: See the function `load_settings`.
        """
        return load_settings(self._stage_files or self._root, stack)

    def _describe_resource(self, urn: str) -> Resource:
        remembered = self._remembered[urn]
        inputs = remembered.declared.properties
        return Resource(
            urn=urn,
            type=remembered.declared.type,
            id=remembered.made.id,
            inputs=inputs,
            outputs={**inputs, **remembered.made.outputs},
        )

    def _register(self, run: _Run, registration: Registration) -> CreatedResource:
        """Create, update or replace one resource. The SDK's threads call this method."""
        declared = registration.declared
        with run.lock:
            if run.failure:
                raise EngineError(f"{declared.urn} was not created because another resource failed")
            if declared.urn in run.seen:
                raise EngineError(f"two resources have the URN {declared.urn}: rename one of them")
            run.seen[declared.urn] = None
        try:
            return self._apply_registration(run, registration)
        except Exception as error:
            with run.lock:
                run.failure = run.failure or error
            raise

    def _apply_registration(self, run: _Run, registration: Registration) -> CreatedResource:
        declared = registration.declared
        if declared.type.startswith("pulumi:providers:"):
            return CreatedResource(id=declared.name)
        if declared.type not in CREATORS:
            raise UnknownTypeError(declared.type, declared.urn)
        remembered = self._get_remembered(registration)
        if remembered:
            declared = evolve(
                declared, properties=registration.restore_ignored(remembered.declared.properties)
            )
        digest = _hash_properties(declared.properties)
        if remembered and remembered.digest == digest and not _is_orphaned(run, registration):
            return remembered.made
        region = str(declared.properties.get("region") or self._emulator.region)
        aws = ProviderContext(emulator=self._emulator, region=region)
        started = time.monotonic()
        if remembered is None:
            changed, made = run.created, _create(aws, declared)
        elif _is_orphaned(run, registration):
            self._delete_now(run, remembered)
            changed, made = run.created, _create(aws, declared)
        elif self._must_replace(declared, remembered):
            changed, made = run.created, self._replace(run, aws, declared, remembered)
        else:
            changed, made = run.updated, _update(aws, declared, remembered)
        with run.lock:
            changed.append(declared.urn)
            self._remembered[declared.urn] = _RememberedResource(
                declared=declared,
                made=made,
                digest=digest,
                region=region,
                position=remembered.position if remembered else next(self._positions),
            )
            if run.on_resource:
                run.on_resource(declared.urn, declared.type, time.monotonic() - started)
        return made

    def _must_replace(self, declared: DeclaredResource, remembered: _RememberedResource) -> bool:
        return bool(
            find_replacement_causes(
                declared.type,
                remembered.declared.properties,
                declared.properties,
                default_region=self._emulator.region,
            )
        )

    def _replace(
        self, run: _Run, aws: ProviderContext, declared: DeclaredResource, remembered: _RememberedResource
    ) -> CreatedResource:
        """Create the replacement of a remembered resource.

        If both can exist at the same time, the old resource is deleted at the end of the run, when nothing
        refers to it.
        """
        if is_deleted_before_replacement(declared.type, remembered.declared.properties, declared.properties):
            self._delete_now(run, remembered)
            return _create(aws, declared)
        made = _create(aws, declared)
        with run.lock:
            self._replaced.append(remembered)
        return made

    def _delete_now(self, run: _Run, remembered: _RememberedResource) -> None:
        self._delete(remembered)
        with run.lock:
            run.deleted.append(remembered.declared.urn)

    def _get_remembered(self, registration: Registration) -> _RememberedResource | None:
        """Return the remembered state of a resource, or None for a new resource.

        If the state is stored under a former URN (alias), store it under the current URN.
        """
        urn = registration.declared.urn
        former = next((each for each in registration.former_urns if each in self._remembered), None)
        if former is not None and urn not in self._remembered:
            remembered = self._remembered.pop(former)
            self._remembered[urn] = evolve(remembered, declared=evolve(remembered.declared, urn=urn))
        return self._remembered.get(urn)

    def _delete_all(self, resources: Iterable[_RememberedResource]) -> list[str]:
        """Delete resources, the newest first, and return their URNs."""
        ordered = sorted(resources, key=lambda remembered: remembered.position, reverse=True)
        for remembered in ordered:
            self._delete(remembered)
        return [remembered.declared.urn for remembered in ordered]

    def _delete(self, remembered: _RememberedResource) -> None:
        declared = remembered.declared
        delete = DELETERS.get(declared.type)
        if delete is None:
            raise EngineError(
                f"the embedded cloud cannot delete {declared.urn}: restart the embedded cloud, or "
                f'register a deletion of "{declared.type}" in local/providers'
            )
        aws = ProviderContext(emulator=self._emulator, region=remembered.region)
        _call_provider("delete", declared, partial(delete, aws, declared, remembered.made))
        if self._remembered.get(declared.urn) is remembered:
            del self._remembered[declared.urn]
        else:
            self._replaced.remove(remembered)

    def _invoke(self, token: str, arguments: Properties) -> Properties:
        if token not in INVOKES:
            raise EngineError(
                f"the program looks up {token}, which the embedded cloud does not have: add a function "
                "for it to local/providers"
            )
        return INVOKES[token](
            ProviderContext(emulator=self._emulator, region=self._emulator.region), arguments
        )


def _is_orphaned(run: _Run, registration: Registration) -> bool:
    """Return whether the resource must be created again, because this run has deleted what it belongs to.

    For example, a permission belongs to a function, and AWS deletes both together. Pulumi also replaces such
    a resource.
    """
    forcing = RULES[registration.declared.type].properties
    return not registration.find_dependencies(forcing).isdisjoint(run.deleted)


def _create(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    return _call_provider("create", declared, partial(CREATORS[declared.type], aws, declared))


def _update(
    aws: ProviderContext, declared: DeclaredResource, remembered: _RememberedResource
) -> CreatedResource:
    """Change a resource in place."""
    update = UPDATERS.get(declared.type)
    if update is None:
        changed = find_changed_properties(remembered.declared.properties, declared.properties)
        raise EngineError(
            f"the embedded cloud cannot change {', '.join(changed)} of {declared.urn}: "
            f'restart the embedded cloud, or register an update of "{declared.type}" in local/providers'
        )
    return _call_provider("update", declared, partial(update, aws, declared, remembered.made))


def _call_provider(verb: str, declared: DeclaredResource, act: Callable[[], T]) -> T:
    try:
        return act()
    except (ClientError, BotoCoreError, KeyError) as error:
        problem = KeyError(f"the property {error} is missing") if isinstance(error, KeyError) else error
        raise ResourceError(verb, declared, problem) from error


def _hash_properties(properties: Properties) -> str:
    def to_plain_value(value: object) -> object:
        if isinstance(value, Content):
            return {"sha256": value.sha256}
        raise TypeError(f"{value!r} is not a property value")

    return hashlib.sha256(json.dumps(properties, sort_keys=True, default=to_plain_value).encode()).hexdigest()


def load_settings(folder: Path, stack: str) -> Mapping[str, object]:
    """Return the settings in `Pulumi.<stack>.yaml` of a folder. The keys include the namespace.

    Raises:
        EngineError: The file is missing, is not valid YAML or has wrong top-level keys.
    """
    try:
        return read_stage_file(folder, stack)
    except StageFileError as error:
        raise EngineError(str(error)) from None


def merge_settings(settings: Mapping[str, object], overrides: Mapping[str, object]) -> dict[str, object]:
    """Return the settings with overrides. If both values of a setting are objects, they are merged."""
    merged = dict(settings)
    for name, value in overrides.items():
        old = merged.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[name] = merge_settings(
                cast("Mapping[str, object]", old), cast("Mapping[str, object]", value)
            )
        else:
            merged[name] = value
    return merged
