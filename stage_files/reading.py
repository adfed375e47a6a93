"""Reads stage files, and refuses files that Pulumi would misread."""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import yaml
from yaml.constructor import ConstructorError

from components.core.consistency import SETTING
from components.core.settings import find_similar, suggest

PROJECT: Final = SETTING.partition(":")[0]
# The top-level keys of a stage file that Pulumi knows.
TOP_KEYS: Final = ("config", "environment", "secretsprovider", "encryptionsalt", "encryptedkey")
_NAME: Final = re.compile(r"Pulumi\.(.+)\.yaml")


class StageFileError(Exception):
    """A stage file is missing or invalid. `problems` has one line for each mistake."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def list_stages(folder: Path) -> list[str]:
    """Return the names of the stages that have a file in a folder, in alphabetical order."""
    return sorted(match[1] for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))


def read_stage_file(folder: Path, stage: str) -> dict[str, object]:
    """Return the configuration in a stage's file, by key. A key without a namespace gets that of the project.

    Raises:
        StageFileError: The file does not exist, is not valid YAML, repeats a key or has wrong top-level keys.
    """
    name = f"Pulumi.{stage}.yaml"
    path = folder / name
    if not path.is_file():
        found = ", ".join(f"Pulumi.{each}.yaml" for each in list_stages(folder)) or "none"
        similar = find_similar(stage, list_stages(folder))
        hint = f" (did you mean STAGE={similar}?)" if similar else ""
        raise StageFileError(f"Pulumi.{stage}.yaml does not exist in {folder}{hint}; existing files: {found}")
    document = _load_yaml(path)
    if not isinstance(document, Mapping):
        raise StageFileError(f"{name}: not a mapping; allowed: a mapping of {', '.join(TOP_KEYS)}")
    keys = cast("Mapping[object, object]", document)
    problems, meant = _check_top_keys(keys)
    config = keys.get("config")
    if not isinstance(config, Mapping) and "config" not in meant:
        allowed = f"a mapping of aws:region and {SETTING}"
        problems.append(f"config: {config!r} is not a mapping; allowed: {allowed}")
    if problems:
        raise StageFileError(*problems)
    settings = cast("Mapping[object, object]", config)
    return {_add_namespace(str(key)): value for key, value in settings.items()}


def _check_top_keys(keys: Mapping[object, object]) -> tuple[list[str], set[str]]:
    """Return one line for each wrong top-level key, and the keys that were probably meant."""
    problems: list[str] = []
    meant: set[str] = set()
    for key in (str(each) for each in keys if each not in TOP_KEYS):
        is_setting = ":" in key
        similar = "config" if is_setting else find_similar(key, TOP_KEYS)
        hint = " (it belongs to config)" if is_setting else suggest(key, TOP_KEYS)
        problems.append(f"{key} is unknown{hint}; allowed: {', '.join(TOP_KEYS)}")
        if similar:
            meant.add(similar)
    return problems, meant


def _add_namespace(key: str) -> str:
    return key if ":" in key else f"{PROJECT}:{key}"


class _Loader(yaml.SafeLoader):
    """A loader that refuses repeated keys. YAML forbids them, but PyYAML keeps only the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Return the mapping of a node.

        Raises:
            ConstructorError: A key is repeated.
        """
        known: set[object] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in known:
                    raise ConstructorError(
                        None, None, f"the key {key_node.value!r} is repeated", key_node.start_mark
                    )
                known.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


def _load_yaml(path: Path) -> object:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a subclass of SafeLoader
    except UnicodeDecodeError:
        raise StageFileError(f"{path.name}: the file is not in UTF-8; allowed: YAML in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StageFileError(f"{path.name}{place}: {error.problem}; allowed: valid YAML") from None
    except yaml.YAMLError as error:
        (problem, *_) = str(error).splitlines()
        raise StageFileError(f"{path.name}: {problem}; allowed: valid YAML") from None
