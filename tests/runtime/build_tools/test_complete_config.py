"""D7: the platform completes a site's open-next.config, and refuses what contradicts the platform."""

from typing import Any

import pytest

from tests.runtime.build_tools.node_script import ScriptError, run_script

OVERRIDES = {
    "SERVER_OVERRIDES": {"wrapper": "aws-lambda-streaming", "queue": "platform's queue"},
    "MIDDLEWARE_OPTIONS": {"assetResolver": "platform's resolver"},
    "IMAGE_OPTIONS": {"loader": "platform's loader"},
    "IMAGE_OVERRIDES": {"converter": "platform's converter"},
    "REVALIDATION_OVERRIDES": {"wrapper": "platform's wrapper"},
    "DANGEROUS_OPTIONS": {"disableTagCache": False},
}


def complete_config(site: object) -> dict[str, Any]:
    completed: dict[str, Any] = run_script(
        "config/complete_config.mjs", "tools.completeConfig(given[0] ?? undefined, given[1])", site, OVERRIDES
    )
    return completed


def test_a_site_without_a_config_gets_all_overrides() -> None:
    completed = complete_config(None)
    assert completed["default"]["override"] == OVERRIDES["SERVER_OVERRIDES"]
    assert completed["middleware"] == {"external": False, "assetResolver": "platform's resolver"}
    assert completed["imageOptimization"]["loader"] == "platform's loader"
    assert completed["imageOptimization"]["override"] == {"converter": "platform's converter"}
    assert completed["imageOptimization"]["install"]["libc"] == "glibc"
    assert completed["revalidate"]["override"] == {"wrapper": "platform's wrapper"}


def test_split_functions_and_other_options_of_the_site_are_kept() -> None:
    site: dict[str, Any] = {
        "default": {"minify": True},
        "functions": {"api": {"routes": ["app/api/route"], "patterns": ["api/*"]}},
        "imageOptimization": {"install": {"packages": ["sharp@0.34.0"]}},
        "dangerous": {"enableCacheInterception": True},
        "buildCommand": "npx turbo build",
    }
    completed = complete_config(site)
    assert completed["buildCommand"] == "npx turbo build"
    assert completed["default"] == {"minify": True, "override": OVERRIDES["SERVER_OVERRIDES"]}
    assert completed["functions"]["api"] == {
        **site["functions"]["api"],
        "override": OVERRIDES["SERVER_OVERRIDES"],
    }
    assert completed["imageOptimization"]["install"] == {"packages": ["sharp@0.34.0"]}
    assert completed["dangerous"] == {"disableTagCache": False, "enableCacheInterception": True}


def test_names_of_opennexts_own_aws_overrides_mean_the_platforms_overrides() -> None:
    own = {
        "queue": "sqs-lite",
        "incrementalCache": "s3",
        "tagCache": "dynamodb-lite",
        "wrapper": "aws-lambda",
    }
    override = complete_config({"default": {"override": own}})["default"]["override"]
    assert override["queue"] == "platform's queue"
    assert override["wrapper"] == "aws-lambda"


def test_the_log_of_the_build_names_the_replaced_options() -> None:
    override = {"queue": "sqs-lite", "wrapper": "aws-lambda"}
    site = {"default": {"override": override}, "functions": {"api": {"override": override}}}
    replaced = run_script(
        "config/complete_config.mjs", "tools.listReplacedOptions(...given)", site, OVERRIDES
    )
    assert replaced == ["queue"]


def test_a_function_for_the_edge_runtime_becomes_a_function_for_node() -> None:
    """Next.js's server runs edge routes in its sandbox."""
    completed = complete_config({"functions": {"api": {"runtime": "edge", "routes": ["app/api/route"]}}})
    assert completed["functions"]["api"] == {
        "routes": ["app/api/route"],
        "override": OVERRIDES["SERVER_OVERRIDES"],
    }


@pytest.mark.parametrize(
    ("site", "message"),
    [
        (
            {"default": {"override": {"incrementalCache": "fs-dev"}}},
            'default.override.incrementalCache in open-next.config is "fs-dev"',
        ),
        (
            {"default": {}, "functions": {"api": {"override": {"queue": {}}}}},
            "functions.api.override.queue in open-next.config is an implementation of its own",
        ),
        ({"imageOptimization": {"loader": "host"}}, 'imageOptimization.loader in open-next.config is "host"'),
        ({"default": {"override": {"wrapper": "cloudflare-node"}}}, "use one of aws-lambda, "),
        ({"revalidate": {"override": {"wrapper": "node"}}}, "revalidate.override.wrapper"),
        ({"default": {"runtime": "deno"}}, 'default.runtime in open-next.config is "deno"'),
        ({"default": "aws"}, "default in open-next.config is not an object"),
    ],
)
def test_a_contradiction_is_refused_by_name(site: object, message: str) -> None:
    with pytest.raises(ScriptError) as raised:
        complete_config(site)
    assert message in str(raised.value)
