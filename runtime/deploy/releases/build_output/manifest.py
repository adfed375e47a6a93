"""Reads and checks `open-next.output.json`, in which OpenNext 4.1.16 describes its output.

The file is untrusted. The type of every used field is checked. A feature that the platform does not support
is refused by name instead of being ignored. Fields that are not used are ignored.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from attrs import evolve, fields, frozen, has
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.gen import make_dict_structure_fn, override

from runtime.deploy.releases.build_output import json_objects
from runtime.deploy.releases.build_output.json_objects import NoObjectError, is_object
from runtime.shared.converters import to_camel_case

T = TypeVar("T")

_OUTPUT_FOLDER = ".open-next/"
_ORIGINS = frozenset({"s3", "imageOptimizer", "default"})
_WRAPPERS = frozenset({"aws-lambda", "aws-lambda-streaming", "aws-lambda-compressed"})
_HANDLER = "index.handler"
_CONVERTER_NAME = "aws-apigw-v2"
_IMAGES: Final = "_next/image*"
# These maximums exist because the edge's store keeps the routing of a release in one value, and a value has
# at most 1,024 bytes (edge_store.py).
MAX_SPLITS: Final = 4
"""Maximum number of server functions in addition to the default one."""
MAX_PATTERNS_LENGTH: Final = 350
"""Maximum length of all patterns together, in characters.

Each pattern counts three characters more than it has, for two quotation marks and a comma.
"""
_PATTERN_OVERHEAD: Final = 3
MAX_BASE_PATH_LENGTH: Final = 60
# Names of the platform's overrides (components/sites/build_tools/overrides). Builds that use OpenNext's own
# queue or tag cache have other names.
_PLATFORM_QUEUE: Final = "anchor-none"
_PLATFORM_TAG_CACHE: Final = "anchor-dynamodb"
_SPLIT_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")
# The characters of CloudFront's path patterns, without `?` and the quotation mark.
_PATTERN: Final = re.compile(r"[A-Za-z0-9_.*$/~'@:+&-]+")
_BASE_PATH: Final = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9_.~-]+)+")


class ManifestError(Exception):
    """The manifest or a file next to it is invalid, or the build needs a feature that is not supported."""


@frozen(kw_only=True)
class Bundle:
    """One function of OpenNext's output.

    Attributes:
        bundle: Folder in OpenNext's notation, below `.open-next/`.
    """

    handler: str
    bundle: str

    @property
    def folder(self) -> str:
        """The bundle's folder in the artifact, with a trailing slash."""
        return self.bundle.removeprefix(_OUTPUT_FOLDER).rstrip("/") + "/"


@frozen(kw_only=True)
class HttpBundle(Bundle):
    """A function that handles HTTP requests.

    Attributes:
        type: `function`, or `ecs` if the site asks for a container.
        wrapper: OpenNext's wrapper: plain Lambda or one of its streaming forms.
        converter: OpenNext's converter, which defines the format of events and responses.
        queue: OpenNext's queue of stale pages. None for a function that is not a server.
        tag_cache: OpenNext's tag cache. None for a function that is not a server.
    """

    type: str
    wrapper: str
    converter: str
    queue: str | None = None
    tag_cache: str | None = None


@frozen(kw_only=True)
class SplitFunction:
    """A server function that serves a part of the site.

    Attributes:
        name: Name in the site's `open-next.config`.
        patterns: Paths that the function serves, including the base path. `*` stands for any characters.
    """

    name: str
    bundle: HttpBundle
    patterns: tuple[str, ...]


@frozen(kw_only=True)
class _Origins:
    default: HttpBundle
    image_optimizer: HttpBundle


@frozen(kw_only=True)
class _Behavior:
    pattern: str
    origin: str | None = None


@frozen(kw_only=True)
class _AdditionalProps:
    revalidation_function: Bundle | None = None


@frozen(kw_only=True)
class _Output:
    edge_functions: Mapping[str, Any]
    origins: _Origins
    behaviors: tuple[_Behavior, ...]
    additional_props: _AdditionalProps


@frozen(kw_only=True)
class Manifest:
    """The functions of one build.

    Attributes:
        server: Default server function. It serves every path that no other function serves.
        revalidation: None if the site has disabled its incremental cache, or if the server itself renders
            stale pages again.
        split_functions: Server functions for some of the paths. The first function with a matching pattern
            serves a path.
        base_path: Base path of the site, such as `/docs`; empty if the site is served at the root.
    """

    server: HttpBundle
    image: HttpBundle
    revalidation: Bundle | None
    split_functions: tuple[SplitFunction, ...] = ()
    base_path: str = ""

    @property
    def servers(self) -> tuple[HttpBundle, ...]:
        """The default server function and the split ones."""
        return (self.server, *(split.bundle for split in self.split_functions))

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """All functions."""
        return (*self.servers, self.image, *((self.revalidation,) if self.revalidation else ()))

    @property
    def routes_as_next(self) -> bool:
        """Whether the router server of Next.js decides about requests, and not OpenNext's own routing.

        The platform's build tools contain both this override and the queue
        (components/sites/build_tools/overrides).
        """
        return all(server.queue == _PLATFORM_QUEUE for server in self.servers)

    @property
    def needs_tag_seed(self) -> bool:
        """Whether a server needs a row for each tag of each prerendered page.

        The platform's tag cache needs none, because its pages contain their tags.
        """
        return any(server.tag_cache != _PLATFORM_TAG_CACHE for server in self.servers)


@frozen(kw_only=True)
class Build:
    """Ids that caches use for a build.

    Attributes:
        build_id: Next.js's build id, which the output's tag seed and fetch cache contain.
        cache_id: Id that the running server uses for lookups: the site's `deploymentId` if it sets one,
            otherwise the build id.
        asset_prefix: Path in front of `/_next/static` in the site's pages, from the setting `assetPrefix`;
            empty if the site has no such setting, or if the setting has no path.
    """

    build_id: str
    cache_id: str
    asset_prefix: str = ""

    def to_cache_name(self, name: str) -> str:
        """Return the name that the running server looks up. Only names below `{build_id}/` change."""
        own = f"{self.build_id}/"
        return f"{self.cache_id}/{name.removeprefix(own)}" if name.startswith(own) else name


def read_manifest(text: bytes) -> Manifest:
    """Return the content of `open-next.output.json`.

    Raises:
        ManifestError: The text is not JSON, a field has a wrong type, or a feature is not supported.
    """
    document = parse_object(text, "open-next.output.json")
    output = _structure_value(document, _Output, "")
    if output.edge_functions:
        raise ManifestError(
            f"there are edge functions ({_join_names(sorted(output.edge_functions))}), which are not "
            'supported: remove `middleware.external` and `placement: "global"` from open-next.config'
        )
    _check_function(output.origins.default)
    _check_function(output.origins.image_optimizer)
    manifest = Manifest(
        server=output.origins.default,
        image=output.origins.image_optimizer,
        revalidation=output.additional_props.revalidation_function,
        split_functions=_read_split_functions(document["origins"], output.behaviors),
        base_path=_find_base_path(output.behaviors),
    )
    return evolve(manifest, revalidation=None) if manifest.routes_as_next else manifest


def read_build(build_id: bytes, server_files: bytes, *, routes_as_next: bool) -> Build:
    """Return the ids of a build, from Next.js's `BUILD_ID` and `required-server-files.json`.

    Args:
        build_id: The content of `BUILD_ID`.
        server_files: The content of `required-server-files.json`.
        routes_as_next: `Manifest.routes_as_next` of the build.

    Raises:
        ManifestError: A file is invalid, or the site has settings that OpenNext does not support.
    """
    config = parse_object(server_files, "required-server-files.json").get("config")
    if not is_object(config):
        raise ManifestError("required-server-files.json has no object `config`")
    if config.get("basePath") and config.get("i18n") and not routes_as_next:
        # OpenNext expects the locale in front of the base path. With both settings, no rule of the site
        # matches, but OpenNext reports no error.
        raise ManifestError(
            "the site sets basePath and i18n. With both, OpenNext ignores the site's middleware, redirects, "
            "rewrites and headers. Build with the platform's version of OpenNext, which does not: remove "
            "anchor.openNext from package.json"
        )
    name = build_id.decode(errors="replace").strip()
    deployment_id = config.get("deploymentId") or name
    for value in (name, deployment_id):
        if not isinstance(value, str) or not value.isprintable() or "/" in value or value in {"", ".", ".."}:
            raise ManifestError("the build id, or the site's `deploymentId`, cannot be part of a path")
    return Build(
        build_id=name, cache_id=deployment_id, asset_prefix=_find_asset_prefix(config.get("assetPrefix"))
    )


def _find_asset_prefix(setting: object) -> str:
    """Return the path of an `assetPrefix`, which is a path or an absolute URL.

    The path of a prefix with other characters than those of a base path is not returned. The edge then sends
    requests for such files to the server, which follows Next.js's own rule for the prefix.
    """
    try:
        path = urlsplit(str(setting or "")).path.rstrip("/")
    except ValueError:
        return ""
    path = path if path.startswith("/") or not path else f"/{path}"
    return path if len(path) <= MAX_BASE_PATH_LENGTH and _BASE_PATH.fullmatch(path) else ""


def _read_split_functions(
    origins: Mapping[str, Any], behaviors: tuple[_Behavior, ...]
) -> tuple[SplitFunction, ...]:
    # Keep the order of the behaviors, because the first matching one serves a path. The order of the origins
    # is arbitrary.
    routed = [each.origin for each in behaviors if each.origin is not None and each.origin in origins]
    names = [name for name in dict.fromkeys((*routed, *origins)) if name not in _ORIGINS]
    if len(names) > MAX_SPLITS:
        raise ManifestError(
            f"the server is split into {len(names)} functions beside the default one ({_join_names(names)}): "
            f"at most {MAX_SPLITS} are supported: use fewer functions in open-next.config"
        )
    if wrong := [name for name in names if not _SPLIT_NAME.fullmatch(name)]:
        raise ManifestError(
            f"the function name {_join_names([json.dumps(name) for name in wrong])} is not supported: "
            "use 1 to 60 letters, digits, - and _"
        )
    splits = tuple(_read_split_function(name, origins[name], behaviors) for name in names)
    length = sum(len(pattern) + _PATTERN_OVERHEAD for split in splits for pattern in split.patterns)
    if length > MAX_PATTERNS_LENGTH:
        raise ManifestError(
            f"the patterns of the server's functions have {length} characters together, with "
            f"{_PATTERN_OVERHEAD} added for each; at most {MAX_PATTERNS_LENGTH} are supported: use fewer or "
            "shorter ones, with `*`"
        )
    return splits


def _read_split_function(name: str, value: object, behaviors: tuple[_Behavior, ...]) -> SplitFunction:
    bundle = _structure_value(value, HttpBundle, f"origins.{name}")
    _check_function(bundle)
    patterns = tuple(f"/{each.pattern.lstrip('/')}" for each in behaviors if each.origin == name)
    if not patterns:
        raise ManifestError(f"the function {name} has no pattern: add one in open-next.config")
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            raise ManifestError(
                f"the pattern {_join_names([json.dumps(pattern)])} of the function {name} is not supported: "
                "use letters, digits, any of _-.$/~'@:+& and `*` for any characters"
            )
    return SplitFunction(name=name, bundle=bundle, patterns=patterns)


def _find_base_path(behaviors: tuple[_Behavior, ...]) -> str:
    """Return the base path. It is read from a pattern, because OpenNext's output has no field for it."""
    images = [each.pattern for each in behaviors if each.pattern.endswith(_IMAGES)]
    if not images:
        raise ManifestError("open-next.output.json has no pattern for optimized images")
    base_path = f"/{images[0].removesuffix(_IMAGES)}".rstrip("/")
    if base_path and (len(base_path) > MAX_BASE_PATH_LENGTH or not _BASE_PATH.fullmatch(base_path)):
        raise ManifestError(
            f"the site's basePath {_join_names([json.dumps(base_path)])} is not supported: use letters, "
            f"digits, - . _ and ~ in its parts, and at most {MAX_BASE_PATH_LENGTH} characters"
        )
    return base_path


def _check_function(bundle: HttpBundle) -> None:
    if bundle.type != "function":
        raise ManifestError(f"{bundle.folder} is not built for Lambda: containers are not supported")
    if bundle.handler != _HANDLER or bundle.converter != _CONVERTER_NAME or bundle.wrapper not in _WRAPPERS:
        raise ManifestError(
            f"{bundle.folder} is built in a form that is not supported: use handler {_HANDLER}, "
            f"converter {_CONVERTER_NAME} and a wrapper of {_join_names(sorted(_WRAPPERS))}"
        )


def parse_object(text: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        ManifestError: The text is not a JSON object.
    """
    try:
        return json_objects.parse_object(text)
    except NoObjectError as error:
        raise ManifestError(f"{name} {error}") from None


def _join_names(names: list[str]) -> str:
    longest = 200
    text = ", ".join(names)
    return text if len(text) <= longest else f"{text[:longest]}..."


class _WrongTypeError(Exception):
    """A field's value has a wrong type."""


def _make_type_hook(expected_type: type[Any], type_name: str) -> Callable[[object, object], object]:
    def structure(value: object, _: object) -> object:
        if not isinstance(value, expected_type):
            raise _WrongTypeError(type_name)
        return value

    return structure


def _structure_value(value: object, kind: type[T], path: str) -> T:
    try:
        return _converter.structure(value, kind)
    except BaseValidationError as error:
        problems = _describe_problems(error, path)
    except _WrongTypeError as error:
        problems = f"{path} must be {error}"
    raise ManifestError(f"open-next.output.json is not what OpenNext writes: {problems}")


def _describe_problems(error: BaseValidationError, path: str) -> str:
    found = (
        text.split(" @ ", 1) for text in transform_error(error, path=path, format_exception=_describe_problem)
    )
    return _join_names([f"{to_camel_case(path.lstrip('.'))} {problem}" for problem, path in found])


def _describe_problem(error: BaseException, _: type[Any] | None) -> str:
    if isinstance(error, KeyError):
        return "is missing"
    return f"must be {error}" if isinstance(error, _WrongTypeError) else "must be an object or a list"


def _make_converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(str, _make_type_hook(str, "a text"))

    def make_structure_hook(kind: type[Any]) -> Callable[[Any, Any], Any]:
        renamed: dict[str, Any] = {
            each.name: override(rename=to_camel_case(each.name)) for each in fields(kind) if "_" in each.name
        }
        inner = make_dict_structure_fn(kind, converter, **renamed)

        def structure(value: object, _: object) -> object:
            if not is_object(value):
                raise _WrongTypeError("an object")
            return inner(value, kind)

        return structure

    converter.register_structure_hook_factory(has, make_structure_hook)
    return converter


_converter = _make_converter()
