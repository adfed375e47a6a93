"""`open-next.output.json`: what OpenNext (4.1.12) says it built, and what of it this platform can serve.

It is a stranger's file: every field that is used is checked for its type, and every feature that this
platform would silently leave out is refused by name. Fields that are not used are ignored.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from attrs import fields, frozen, has
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.gen import make_dict_structure_fn, override

from runtime.shared.converters import camel_case

_OUTPUT_FOLDER = ".open-next/"
_ORIGINS = frozenset({"s3", "imageOptimizer", "default"})
_WRAPPERS = frozenset({"aws-lambda", "aws-lambda-streaming", "aws-lambda-compressed"})
_HANDLER = "index.handler"
_CONVERTER_NAME = "aws-apigw-v2"


class ManifestError(Exception):
    """The manifest, or a file beside it, is not what build tools write, or asks for what is not served."""


@frozen(kw_only=True)
class Bundle:
    """One function of the output.

    Attributes:
        bundle: Its folder, as OpenNext names it: below `.open-next/`.
    """

    handler: str
    bundle: str

    @property
    def folder(self) -> str:
        """The bundle's folder in the artifact, with a trailing slash."""
        return self.bundle.removeprefix(_OUTPUT_FOLDER).rstrip("/") + "/"


@frozen(kw_only=True)
class HttpBundle(Bundle):
    """A function that answers HTTP requests.

    Attributes:
        type: `function`, or `ecs` where the site asks for a container.
        wrapper: What calls it: plain Lambda or one of its streaming forms.
        converter: The form of its events and answers.
    """

    type: str
    wrapper: str
    converter: str


@frozen(kw_only=True)
class _Origins:
    default: HttpBundle
    image_optimizer: HttpBundle


@frozen(kw_only=True)
class _Behavior:
    pattern: str


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
        revalidation: Absent where the site has switched its incremental cache off.
    """

    server: HttpBundle
    image: HttpBundle
    revalidation: Bundle | None

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """Every function."""
        return (self.server, self.image, *((self.revalidation,) if self.revalidation else ()))


@frozen(kw_only=True)
class Build:
    """What caches name this build by.

    Attributes:
        build_id: Next.js's build id. The tag seed and the fetch cache of the output are named by it.
        cache_id: What the running server looks all of them up by: the site's `deploymentId` where it sets
            one, else the build id.
    """

    build_id: str
    cache_id: str

    def cached(self, name: str) -> str:
        """Return a name below `{build_id}/` as the running server asks for it; other names as they are."""
        own = f"{self.build_id}/"
        return f"{self.cache_id}/{name.removeprefix(own)}" if name.startswith(own) else name


def read_manifest(text: bytes) -> Manifest:
    """Read `open-next.output.json`.

    Raises:
        ManifestError: It is not JSON, a field has a wrong type, or it asks for what is not served here.
    """
    document = _object(text, "open-next.output.json")
    origins = document.get("origins")
    split = sorted(set(origins) - _ORIGINS) if _is_object(origins) else []
    if split:
        raise ManifestError(f"the server is split into functions ({_listed(split)}): only one is served")
    try:
        output = _converter.structure(document, _Output)
    except BaseValidationError as error:
        raise ManifestError(
            f"open-next.output.json is not what OpenNext writes: {_problems(error)}"
        ) from None
    if output.edge_functions:
        raise ManifestError(
            f"there are edge functions ({_listed(sorted(output.edge_functions))}): "
            "external middleware and edge routes are not served"
        )
    _check_function(output.origins.default)
    _check_function(output.origins.image_optimizer)
    # OpenNext writes the base path nowhere but into its patterns.
    if not any(behavior.pattern == "_next/image*" for behavior in output.behaviors):
        raise ManifestError("the site sets basePath: a site below a path is not served")
    return Manifest(
        server=output.origins.default,
        image=output.origins.image_optimizer,
        revalidation=output.additional_props.revalidation_function,
    )


def read_build(build_id: bytes, server_files: bytes) -> Build:
    """Read what names a build, from Next.js's `BUILD_ID` and `required-server-files.json`.

    Raises:
        ManifestError: One of them is not what Next.js writes.
    """
    config = _object(server_files, "required-server-files.json").get("config")
    if not _is_object(config):
        raise ManifestError("required-server-files.json has no object `config`")
    name = build_id.decode(errors="replace").strip()
    deployment_id = config.get("deploymentId") or name
    for value in (name, deployment_id):
        if not isinstance(value, str) or not value.isprintable() or "/" in value or value in {"", ".", ".."}:
            raise ManifestError("the build id, or the site's `deploymentId`, cannot be part of a path")
    return Build(build_id=name, cache_id=deployment_id)


def _check_function(bundle: HttpBundle) -> None:
    if bundle.type != "function":
        raise ManifestError(f"{bundle.folder} is not built for Lambda: containers are not served")
    if bundle.handler != _HANDLER or bundle.converter != _CONVERTER_NAME or bundle.wrapper not in _WRAPPERS:
        raise ManifestError(
            f"{bundle.folder} is built for a form that is not served: needed are handler {_HANDLER}, "
            f"converter {_CONVERTER_NAME} and a wrapper of {_listed(sorted(_WRAPPERS))}"
        )


def _object(text: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ManifestError(f"{name} is not JSON") from None
    if not _is_object(document):
        raise ManifestError(f"{name} is not a JSON object")
    return document


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _listed(names: list[str]) -> str:
    longest = 200
    text = ", ".join(names)
    return text if len(text) <= longest else f"{text[:longest]}..."


class _WrongTypeError(Exception):
    """A field's value has another type than its name promises."""


def _strict(kind: type[Any], name: str) -> Callable[[object, object], object]:
    def structure(value: object, _: object) -> object:
        if not isinstance(value, kind):
            raise _WrongTypeError(name)
        return value

    return structure


def _problems(error: BaseValidationError) -> str:
    found = (text.split(" @ ", 1) for text in transform_error(error, path="", format_exception=_problem))
    return _listed([f"{camel_case(path.lstrip('.'))} {problem}" for problem, path in found])


def _problem(error: BaseException, _: type[Any] | None) -> str:
    if isinstance(error, KeyError):
        return "is missing"
    return f"must be {error}" if isinstance(error, _WrongTypeError) else "must be an object or a list"


def _manifest_converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(str, _strict(str, "a text"))

    def structured(kind: type[Any]) -> Callable[[Any, Any], Any]:
        renamed: dict[str, Any] = {
            each.name: override(rename=camel_case(each.name)) for each in fields(kind) if "_" in each.name
        }
        inner = make_dict_structure_fn(kind, converter, **renamed)

        def structure(value: object, _: object) -> object:
            if not _is_object(value):
                raise _WrongTypeError("an object")
            return inner(value, kind)

        return structure

    converter.register_structure_hook_factory(has, structured)
    return converter


_converter = _manifest_converter()
