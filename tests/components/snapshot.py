"""A stage's resource graph as a text that is read in a diff: `tests/components/snapshots/<stage>.yaml`.

It changes when the graph does, and only then: code, which is shipped in archives or read from files, stands
in it by its names. Policies and other documents are written out.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from components.aws.package import CHECKOUT
from tests.components.recorder import Recorded, recording

FOLDER = Path(__file__).parent / "snapshots"
RENEW = "make snapshots"
_HEADER = """\
# What `__main__.py` registers for the stage {stage}: made by `{renew}`, to be read in the diff.
# The keys are URNs without their common beginning, urn:pulumi:{stage}::anchor-deploy::
"""


def snapshot(stage: str) -> str:
    """The sorted graph and the outputs of a stage."""
    recorded = recording(stage)
    prefix = f"urn:pulumi:{stage}::anchor-deploy::"
    graph = {
        resource.urn.removeprefix(prefix): _described(resource, prefix) for resource in recorded.resources
    }
    document = {"resources": graph, "outputs": _readable(recorded.outputs)}
    text = yaml.dump(
        document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110, indent=2
    )
    return _HEADER.format(stage=stage, renew=RENEW) + text


def path_of(stage: str) -> Path:
    """Where the snapshot of a stage is kept."""
    return FOLDER / f"{stage}.yaml"


def _described(resource: Recorded, prefix: str) -> dict[str, Any]:
    options = {
        "parent": resource.parent.removeprefix(prefix),
        "protect": resource.protect,
        "retainOnDelete": resource.retain_on_delete,
        "ignoreChanges": list(resource.ignore_changes),
    }
    described: dict[str, Any] = {key: value for key, value in options.items() if value}
    if resource.inputs:
        described["inputs"] = _readable(resource.inputs)
    return described


def _readable(value: Any) -> Any:  # noqa: ANN401 - whatever a resource takes
    if isinstance(value, Mapping):
        if value.keys() == {"archive"}:
            return {"archive": _files(value["archive"])}
        return {key: _readable(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        return _text(value)
    return value


def _text(text: str) -> Any:  # noqa: ANN401 - what the text says
    """A document is written out, and what was read from a file stands there by its path."""
    if text.startswith(("{", "[")):
        try:
            return {"json": _readable(json.loads(text))}
        except ValueError:
            return text  # a pattern that begins like JSON
    return {"file": _sources()[text]} if text in _sources() else text


@cache
def _sources() -> dict[str, str]:
    """The files beside the components by what is in them."""
    found = (CHECKOUT / "components").rglob("*.*")
    files = [path for path in found if path.suffix in {".js", ".yml", ".json"}]
    return {path.read_text(encoding="utf-8"): path.relative_to(CHECKOUT).as_posix() for path in files}


def _files(archive: Mapping[str, object]) -> list[str]:
    """The kinds of files in an archive: `runtime/**.py` for all of a folder's."""
    paths = [PurePosixPath(path) for path in archive]
    return sorted(
        {f"{path.parts[0]}/**{path.suffix}" if len(path.parts) > 1 else path.name for path in paths}
    )
