"""The manifest is untrusted: it is refused with an error that names the invalid or unsupported part (D9)."""

from collections.abc import Callable
from typing import Any

import pytest

from runtime.deploy.releases.build_output.manifest import Build, ManifestError, read_build, read_manifest
from tests.runtime.releases.open_next import (
    BUILD_ID,
    encode_json,
    make_manifest,
    make_platform_manifest,
    make_split_manifest,
)

Document = dict[str, Any]


def make_changed_manifest(change: Callable[[Document], object]) -> bytes:
    document = make_manifest()
    change(document)
    return encode_json(document)


def test_the_functions_of_a_build_are_read() -> None:
    read = read_manifest(encode_json(make_manifest()))
    assert read.server.folder == "server-functions/default/"
    assert read.image.folder == "image-optimization-function/"
    assert read.revalidation
    assert read.revalidation.folder == "revalidation-function/"


def test_a_build_with_the_platforms_overrides_needs_no_revalidation_function_and_no_tag_seed() -> None:
    """D7: its servers render their own stale pages, and its pages contain their tags."""
    read = read_manifest(encode_json(make_platform_manifest()))
    assert (read.revalidation, read.needs_tag_seed) == (None, False)
    assert read_manifest(encode_json(make_manifest())).needs_tag_seed


@pytest.mark.parametrize("part", ["default", "api"])
def test_a_server_with_opennexts_own_queue_keeps_the_revalidation_function(part: str) -> None:
    document = make_split_manifest()
    platform = make_platform_manifest()["origins"]["default"]
    own = {name: platform[name] for name in ("queue", "tagCache")}
    for name in {"default", "api", "feed"} - {part}:
        document["origins"][name] |= own
    read = read_manifest(encode_json(document))
    assert read.revalidation
    assert read.needs_tag_seed


def test_unknown_fields_are_ignored() -> None:
    read = read_manifest(
        make_changed_manifest(lambda document: document.update(newInOpenNext5={"any": ["thing"]}))
    )
    assert read == read_manifest(encode_json(make_manifest()))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["origins"]["default"].update(bundle=3), "origins.default.bundle must be a text"),
        (lambda d: d["origins"]["default"].update(wrapper=None), "origins.default.wrapper must be a text"),
        (lambda d: d["origins"].pop("default"), "origins.default is missing"),
        (lambda d: d["origins"].update(imageOptimizer=[]), "origins.imageOptimizer must be an object"),
        (lambda d: d.update(origins=["default"]), "origins must be an object"),
        (lambda d: d.pop("edgeFunctions"), "edgeFunctions is missing"),
        (lambda d: d.update(edgeFunctions=7), "edgeFunctions must be an object or a list"),
        (lambda d: d.update(behaviors=7), "behaviors must be an object or a list"),
        (lambda d: d.update(behaviors=[7]), "behaviors[0] must be an object"),
        (lambda d: d.update(behaviors=[{}]), "behaviors[0].pattern is missing"),
        (lambda d: d.update(additionalProps=True), "additionalProps must be an object"),
        (
            lambda d: d["additionalProps"].update(revalidationFunction="x"),
            "additionalProps.revalidationFunction must be an object",
        ),
    ],
)
def test_the_error_names_a_field_of_a_wrong_type(change: Callable[[Document], object], reason: str) -> None:
    with pytest.raises(ManifestError) as refused:
        read_manifest(make_changed_manifest(change))
    assert str(refused.value) == f"open-next.output.json is not what OpenNext writes: {reason}"


def test_the_error_names_every_wrong_field_up_to_a_limit() -> None:
    with pytest.raises(ManifestError) as refused:
        read_manifest(make_changed_manifest(lambda d: d.update(behaviors=[7] * 100, additionalProps=1)))
    assert "behaviors[1] must be an object" in str(refused.value)
    assert str(refused.value).endswith("...")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(edgeFunctions={"middleware": {}}), "remove `middleware.external`"),
        (lambda d: d["origins"]["default"].update(type="ecs"), "containers are not supported"),
        (lambda d: d["origins"]["default"].update(handler="main.run"), "handler index.handler"),
        (lambda d: d["origins"]["default"].update(converter="aws-cloudfront"), "converter aws-apigw-v2"),
        (lambda d: d["origins"]["imageOptimizer"].update(wrapper="node"), "image-optimization-function/"),
        (lambda d: d.update(behaviors=[]), "no pattern for optimized images"),
        (
            lambda d: d.update(behaviors=[{"pattern": "../a/_next/image*"}]),
            'basePath "/../a" is not supported: use letters, digits, - . _ and ~ in its parts',
        ),
        (lambda d: d.update(behaviors=[{"pattern": "a b/_next/image*"}]), 'basePath "/a b"'),
        (lambda d: d.update(behaviors=[{"pattern": f"{'a' * 60}/_next/image*"}]), "at most 60 characters"),
    ],
)
def test_the_error_names_an_unsupported_feature(change: Callable[[Document], object], reason: str) -> None:
    with pytest.raises(ManifestError) as refused:
        read_manifest(make_changed_manifest(change))
    assert reason in str(refused.value)


def test_a_split_server_and_a_base_path_are_read() -> None:
    """D7. The edge uses the first matching pattern, so the functions are in the order of the patterns."""
    read = read_manifest(encode_json(make_split_manifest()))
    assert read.base_path == "/docs"
    assert [(split.name, split.bundle.folder, split.patterns) for split in read.split_functions] == [
        ("api", "server-functions/api/", ("/docs/api/*", "/docs/users")),
        ("feed", "server-functions/feed/", ("/docs/feed",)),
    ]
    assert len(read.bundles) == len({bundle.folder for bundle in read.bundles}) == 5


def test_a_site_at_the_root_has_one_server_and_no_base_path() -> None:
    read = read_manifest(encode_json(make_manifest()))
    assert (read.base_path, read.split_functions) == ("", ())


def add_pattern(text: str, times: int = 1) -> Callable[[Document], object]:
    return lambda document: document["behaviors"].extend([{"pattern": text, "origin": "api"}] * times)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda d: d["origins"].update({f"part-{number}": {} for number in range(3)}),
            "split into 5 functions beside the default one (api, feed, part-0, part-1, part-2): at most 4",
        ),
        (lambda d: d["origins"].update({"a/b": {}}), 'the function name "a/b" is not supported'),
        (lambda d: d["origins"].update({"x" * 61: {}}), "1 to 60 letters"),
        (lambda d: d["origins"].update(api=7), "origins.api must be an object"),
        (lambda d: d["origins"]["api"].pop("bundle"), "origins.api.bundle is missing"),
        (lambda d: d["origins"]["api"].update(type="ecs"), "containers are not supported"),
        (lambda d: d["origins"].update(more=d["origins"]["api"]), "the function more has no pattern"),
        (add_pattern("api/?"), 'the pattern "/api/?" of the function api is not supported'),
        (add_pattern('"'), "`*` for any characters"),
        (add_pattern("ü"), "of the function api"),
        (add_pattern("x" * 340), "characters together, with 3 added for each; at most 350"),
        (add_pattern("a", 100), "use fewer or shorter ones"),
    ],
)
def test_a_split_function_that_the_edge_cannot_serve_is_refused(
    change: Callable[[Document], object], reason: str
) -> None:
    document = make_split_manifest()
    change(document)
    with pytest.raises(ManifestError) as refused:
        read_manifest(encode_json(document))
    assert reason in str(refused.value)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(ManifestError, match=r"open-next\.output\.json is not JSON"):
        read_manifest(text)


@pytest.mark.parametrize("text", [b"false", b"null", b"[]", b'"text"'])
def test_a_manifest_that_is_not_an_object_is_refused(text: bytes) -> None:
    with pytest.raises(ManifestError, match=r"open-next\.output\.json is not a JSON object"):
        read_manifest(text)


def test_the_cache_id_of_a_build_is_its_build_id() -> None:
    build = read_build(
        f"{BUILD_ID}\n".encode(),
        b'{"config":{"deploymentId":"","basePath":"/a","i18n":null}}',
        routes_as_next=False,
    )
    assert build == Build(build_id=BUILD_ID, cache_id=BUILD_ID)
    assert build.to_cache_name(f"{BUILD_ID}/news") == f"{BUILD_ID}/news"


def test_the_cache_id_of_a_site_with_a_deployment_id_is_that_id() -> None:
    """OpenNext 4.1.12 writes the tag seed with the build id, but the server looks up the `deploymentId`.

    So `to_cache_name` renames the rows of the tag seed. Otherwise, `revalidateTag` would find no row.
    """
    build = read_build(b"build-1", b'{"config":{"deploymentId":"deployment-1"}}', routes_as_next=False)
    assert build.to_cache_name("build-1/news") == "deployment-1/news"
    assert build.to_cache_name("deployment-1/page") == "deployment-1/page"
    assert build.to_cache_name("build-10/news") == "build-10/news"


@pytest.mark.parametrize(
    ("build_id", "settings", "reason"),
    [
        (b"", b'{"config":{}}', "cannot be part of a path"),
        (b"..", b'{"config":{}}', "cannot be part of a path"),
        (b"a/b", b'{"config":{}}', "cannot be part of a path"),
        (b"a\0b", b'{"config":{}}', "cannot be part of a path"),
        (b"a", b'{"config":{"deploymentId":"../b"}}', "cannot be part of a path"),
        (b"a", b'{"config":{"deploymentId":7}}', "cannot be part of a path"),
        (b"a", b'{"config":7}', "has no object `config`"),
        (b"a", b"{}", "has no object `config`"),
        (b"a", b"no", "is not JSON"),
        (
            b"a",
            b'{"config":{"basePath":"/docs","i18n":{"locales":["en"]}}}',
            "ignores the site's middleware",
        ),
    ],
)
def test_a_build_with_an_invalid_id_is_refused(build_id: bytes, settings: bytes, reason: str) -> None:
    with pytest.raises(ManifestError) as refused:
        read_build(build_id, settings, routes_as_next=False)
    assert reason in str(refused.value)


def test_the_router_of_next_serves_locales_below_a_base_path() -> None:
    """D7: only OpenNext's own routing ignores the rules of such a site."""
    settings = b'{"config":{"basePath":"/docs","i18n":{"locales":["en"]}}}'
    assert read_build(b"a", settings, routes_as_next=True).build_id == "a"


def test_the_overrides_of_the_platform_contain_the_router_of_next() -> None:
    """F1: a site with its own version of OpenNext has OpenNext's routing."""
    assert read_manifest(encode_json(make_platform_manifest())).routes_as_next
    assert not read_manifest(encode_json(make_manifest())).routes_as_next
