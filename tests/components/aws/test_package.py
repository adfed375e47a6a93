"""The code archive and the layers of the platform's functions."""

from pathlib import Path

import pytest

from components.aws.package import CHECKOUT, FunctionCode
from components.core.errors import DeclarationError
from tests.components.recorder import (
    Recorded,
    create_layers,
    get_recording,
    read_configuration,
    record_program,
    run_main,
)
from tests.components.stages import make_scope


def test_the_error_for_a_missing_layer_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "python3.13-arm64" / "base" / "python").mkdir(parents=True)
    with pytest.raises(
        DeclarationError,
        match=r"edge does not contain .*: run `make package RUNTIME=python3.13 ARCHITECTURE=arm64`",
    ):
        FunctionCode.find(make_scope(), tmp_path)


def test_a_missing_layer_stops_the_program_before_the_first_resource(tmp_path: Path) -> None:
    """Requirement G4."""
    registered: list[Recorded] = []
    config = {**read_configuration("dev"), "anchor-deploy:layers": str(tmp_path)}
    with pytest.raises(DeclarationError, match="make package"):
        record_program(run_main, "dev", config, registered)
    assert registered == []


def test_layers_match_the_runtime_and_cpu_of_the_stage() -> None:
    with create_layers() as folder:
        code = FunctionCode.find(make_scope(architecture="x86_64"), folder)
    assert code.layers["base"] == folder / "python3.13-x86_64" / "base"


def test_the_archive_contains_only_sources_under_their_import_paths() -> None:
    """G7: if the archive contained bytecode files, its hash would change from run to run."""
    with create_layers() as folder:
        shipped = set(FunctionCode.find(make_scope(), folder).archive.assets)
    assert "runtime/deploy/api/routes.py" in shipped
    assert shipped == {
        "docs/images-openapi.json",
        "docs/openapi.json",
    } | {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "runtime").rglob("*")
        if path.suffix in {".json", ".mjs", ".py"}
    }


def test_functions_that_write_to_the_key_value_store_use_the_edge_layer() -> None:
    layers = {
        function.name: [arn.split(":layer:")[1] for arn in function.inputs["layers"]]
        for function in get_recording("dev").find_by_type("aws:lambda/function:Function")
        if function.inputs["runtime"].startswith("python")
    }
    both, base = ["anchor-dev-base:1", "anchor-dev-edge:1"], ["anchor-dev-base:1"]
    assert layers == {
        "webhook": base,
        "orchestrator": base,
        "build-events": base,
        "release": both,
        "promote": both,
        "api": base,
        "sweep": base,
        "collect": both,
        "images-api": base,
        "images-uploaded": base,
    }
