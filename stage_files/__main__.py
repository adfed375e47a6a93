"""Checks the file of a stage offline: `make validate STAGE=dev`.

The command prints one line for each mistake: the path of the setting, the problem and the allowed values. The
exit status is 0 if the file is valid, else 2.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from components.core.cookie_domains import is_public_suffix
from components.core.errors import ConfigurationError
from components.core.stage import ALLOW_PLACEHOLDERS, StageConfig
from stage_files.reading import StageFileError, list_stages, read_stage_file

CHECKOUT: Final = Path(__file__).parents[1]
EXIT_WRONG: Final = 2


def find_mistakes(folder: Path, stage: str, *, allow_placeholders: bool = False) -> tuple[str, ...]:
    """Return one line for each mistake in the file of a stage.

    Args:
        folder: Folder of the stage files.
        stage: Name of the stage.
        allow_placeholders: Whether the file can contain placeholders, such as `example.com`.
    """
    try:
        _read_settings(folder, stage, allow_placeholders=allow_placeholders)
    except (StageFileError, ConfigurationError) as error:
        return error.problems
    return ()


def find_advice(folder: Path, stage: str, *, allow_placeholders: bool = False) -> tuple[str, ...]:
    """Return one line for each recommendation about the settings of a stage. The file must be valid.

    Raises:
        StageFileError, ConfigurationError: The file is not valid, see `find_mistakes`.
    """
    settings = _read_settings(folder, stage, allow_placeholders=allow_placeholders)
    if not settings.domain or len(settings.sites) == 1 or is_public_suffix(settings.domain):
        return ()
    advice = (
        f"advice: {settings.domain} is not in the Public Suffix List, so a script of one site can set "
        "cookies for the other sites; if sites have different owners, request an entry "
        "(https://publicsuffix.org/submit/)"
    )
    return (advice,)


def _read_settings(folder: Path, stage: str, *, allow_placeholders: bool) -> StageConfig:
    config = read_stage_file(folder, stage)
    if allow_placeholders:
        config[ALLOW_PLACEHOLDERS] = True
    return StageConfig.parse_configuration(stage, config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the file of a stage and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stage_files", description="Check the file of a stage.")
    parser.add_argument("stage", nargs="?", default="", help="name of the stage")
    parser.add_argument(
        "--folder", type=Path, default=CHECKOUT, help="folder of the stage files (default: the checkout)"
    )
    parser.add_argument(
        "--allow-placeholders", action="store_true", help="accept placeholders such as example.com"
    )
    options = parser.parse_args(arguments)
    if not options.stage:
        stages = ", ".join(list_stages(options.folder))
        print(f"name a stage, for example STAGE=dev; existing stages: {stages}")
        return EXIT_WRONG
    mistakes = find_mistakes(options.folder, options.stage, allow_placeholders=options.allow_placeholders)
    if mistakes:
        print("\n".join(mistakes))
        return EXIT_WRONG
    print(f"Pulumi.{options.stage}.yaml is valid")
    for line in find_advice(options.folder, options.stage, allow_placeholders=options.allow_placeholders):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
