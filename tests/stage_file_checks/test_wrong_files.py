"""`make validate` prints one line for each mistake in a stage file, with the allowed values (W2)."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import field, frozen

from components.aws.package import CHECKOUT
from components.core.errors import ConfigurationError
from stage_files.__main__ import main
from stage_files.reading import StageFileError, list_stages, read_stage_file
from tests.components.recorder import record_program, run_main
from tests.components.stages import STAGE_FILES, STAGES

STAGE = "alice"
SETTING = "anchor-deploy:stage"
SETTINGS: dict[str, Any] = {
    "kind": "dev",
    "architecture": "arm64",
    "pythonRuntime": "python3.13",
    "logRetentionDays": 14,
    "sites": [{"name": "shop", "memory": 512}],
    "images": {"corsOrigins": ["http://localhost:3000"]},
}
REGION = "eu-central-1"
_TWO_SITES = [{"name": "shop"}, {"name": "docs"}]


@frozen(kw_only=True)
class WrongFile:
    """A stage file with one mistake.

    Attributes:
        begins: Beginning of the line that is printed.
        contains: Another text of this line, such as the suggestion.
        allows: A text of the allowed values.
        settings: Replacements of settings. `...` removes a setting.
        config: Replacements of entries below `config`. `...` removes an entry.
        text: The whole file, if it is not made from the settings.
        stage: Name of the stage.
    """

    begins: str
    contains: str = ""
    allows: str
    settings: dict[str, Any] = field(factory=dict)
    config: dict[str, Any] = field(factory=dict)
    text: str | bytes | None = None
    stage: str = STAGE

    def write(self, folder: Path) -> None:
        """Write the file into a folder."""
        text = self.text if self.text is not None else render_file(self.settings, self.config)
        content = text if isinstance(text, bytes) else text.encode()
        (folder / f"Pulumi.{self.stage}.yaml").write_bytes(content)


def render_file(settings: dict[str, Any] | None = None, config: dict[str, Any] | None = None) -> str:
    """Return a valid stage file with changes."""
    changed = {key: value for key, value in {**SETTINGS, **(settings or {})}.items() if value is not ...}
    entries = {"aws:region": REGION, SETTING: changed, **(config or {})}
    return yaml.safe_dump({"config": {key: value for key, value in entries.items() if value is not ...}})


VALID = render_file()
ZONE = {"domain": "sites.acme.io", "hostedZoneId": "Z0ACME"}

WRONG = {
    "invalid YAML": WrongFile(
        text="config:\n  aws:region: eu-central-1\n bad: [\n",
        begins="Pulumi.alice.yaml, line 3, column 2: ",
        allows="valid YAML",
    ),
    "a tab": WrongFile(
        text="config:\n\taws:region: eu-central-1\n",
        begins="Pulumi.alice.yaml, line 2, column 1: ",
        allows="valid YAML",
    ),
    "no text": WrongFile(text=b"\xff\xfe\x00", begins="Pulumi.alice.yaml: ", allows="YAML in UTF-8"),
    "a control character": WrongFile(
        text="config: \x07\n",
        begins="Pulumi.alice.yaml: ",
        contains="special characters",
        allows="valid YAML",
    ),
    "an empty file": WrongFile(text="", begins="Pulumi.alice.yaml: ", allows="a mapping of config"),
    "a repeated key": WrongFile(
        text=VALID + "  aws:region: eu-west-1\n",
        begins="Pulumi.alice.yaml, line ",
        contains="the key 'aws:region' is repeated",
        allows="valid YAML",
    ),
    "a wrong key at the top": WrongFile(
        text=VALID.replace("config:", "configs:"),
        begins="configs is unknown",
        contains="(did you mean 'config'?)",
        allows="config, environment",
    ),
    "a setting of config at the top": WrongFile(
        text=VALID + "aws:profile: work\n",
        begins="aws:profile is unknown",
        contains="(it belongs to config)",
        allows="config, environment",
    ),
    "no mapping below config": WrongFile(
        text="config: production\n", begins="config: 'production' is not", allows=SETTING
    ),
    "no region": WrongFile(config={"aws:region": ...}, begins="aws:region is missing", allows="eu-central-1"),
    "a mistyped region": WrongFile(
        config={"aws:region": "eu-centrl-1"},
        begins="aws:region is 'eu-centrl-1'",
        contains="(did you mean 'eu-central-1'?)",
        allows="ap-southeast-1",
    ),
    "a region without CodeBuild": WrongFile(
        config={"aws:region": "mx-central-1"}, begins="aws:region is 'mx-central-1'", allows="us-east-1"
    ),
    "a mistyped key of the region": WrongFile(
        config={"aws:region": ..., "aws:regoin": REGION},
        begins="aws:regoin is unknown",
        contains="(did you mean 'aws:region'?)",
        allows="aws:region",
    ),
    "a region without its namespace": WrongFile(
        config={"aws:region": ..., "region": REGION},
        begins="anchor-deploy:region is unknown",
        contains="(did you mean 'aws:region'?)",
        allows=SETTING,
    ),
    "a setting of the stage below config": WrongFile(
        config={"anchor-deploy:domain": "sites.acme.io"},
        begins="anchor-deploy:domain is unknown",
        contains=f"(it belongs to {SETTING})",
        allows=SETTING,
    ),
    "a mistyped key of the settings": WrongFile(
        config={SETTING: ..., "anchor-deploy:stages": SETTINGS},
        begins="anchor-deploy:stages is unknown",
        contains=f"(did you mean '{SETTING}'?)",
        allows=SETTING,
    ),
    "no settings": WrongFile(config={SETTING: ...}, begins=f"{SETTING}: ", allows="a mapping of kind"),
    "a mistyped setting": WrongFile(
        settings={"logRetentionDays": ..., "logRetentonDays": 14},
        begins=f"{SETTING}.logRetentonDays is unknown",
        contains="(did you mean 'logRetentionDays'?)",
        allows="kind, domain",
    ),
    "a setting in snake case": WrongFile(
        settings={"architecture": ..., "Architecture": "arm64"},
        begins=f"{SETTING}.Architecture is unknown",
        contains="(did you mean 'architecture'?)",
        allows="kind, domain",
    ),
    "an unknown setting": WrongFile(
        settings={"colour": "red"}, begins=f"{SETTING}.colour is unknown;", allows="kind, domain"
    ),
    "a setting of images at the top": WrongFile(
        settings={"maximumMegabytes": 5},
        begins=f"{SETTING}.maximumMegabytes is unknown",
        contains=f"(it belongs to {SETTING}.images)",
        allows="kind, domain",
    ),
    "a required setting of images at the top": WrongFile(
        settings={"images": {}, "corsOrigins": ["https://app.acme.io"]},
        begins=f"{SETTING}.corsOrigins is unknown",
        contains=f"(it belongs to {SETTING}.images)",
        allows="kind, domain",
    ),
    "a setting of the stage in a site": WrongFile(
        settings={"sites": [{"name": "shop", "keptReleases": 5}]},
        begins=f"{SETTING}.sites[0].keptReleases is unknown",
        contains=f"(it belongs to {SETTING})",
        allows="name, memory",
    ),
    "a mistyped value": WrongFile(
        settings={"architecture": "arm46"},
        begins=f"{SETTING}.architecture: 'arm46' is not valid",
        contains="(did you mean 'arm64'?)",
        allows="arm64, x86_64",
    ),
    "a number for a runtime": WrongFile(
        settings={"pythonRuntime": 3.13},
        begins=f"{SETTING}.pythonRuntime: 3.13 is not valid",
        contains="(did you mean 'python3.13'?)",
        allows="python3.11, python3.12",
    ),
    "a number in quotes": WrongFile(
        settings={"logRetentionDays": "14"},
        begins=f"{SETTING}.logRetentionDays: '14' is not valid",
        contains="(write it without quotes)",
        allows="1, 3, 5, 7, 14",
    ),
    "a memory size in quotes": WrongFile(
        settings={"sites": [{"name": "shop", "memory": "512"}]},
        begins=f"{SETTING}.sites[0].memory: '512' is not valid",
        contains="(write it without quotes)",
        allows="from 128 to 10240 (MB)",
    ),
    "a kind that does not exist": WrongFile(
        settings={"kind": "prod"},
        begins=f"{SETTING}.kind: 'prod' is not valid",
        allows="local, dev, staging, production",
    ),
    "no kind": WrongFile(
        settings={"kind": ...}, begins=f"{SETTING}.kind is missing", allows="local, dev, staging, production"
    ),
    "a URL for a domain": WrongFile(
        settings={**ZONE, "domain": "https://Sites.acme.io/"},
        begins=f"{SETTING}.domain: 'https://Sites.acme.io/' is not valid",
        contains="(did you mean 'sites.acme.io'?)",
        allows="a host name in lower case",
    ),
    "a site name in upper case": WrongFile(
        settings={"sites": [{"name": "My Shop"}]},
        begins=f"{SETTING}.sites[0].name: 'My Shop' is not valid",
        contains="(did you mean 'my-shop'?)",
        allows="3 to 28 of a-z",
    ),
    "text for a list": WrongFile(
        settings={"sites": "shop"}, begins=f"{SETTING}.sites: 'shop' is not", allows="a list of sites"
    ),
    "two sites without a domain": WrongFile(
        settings={"sites": [{"name": "shop"}, {"name": "docs"}]},
        begins=f"{SETTING}.sites has 2 sites",
        allows="one site, or a domain",
    ),
    "a placeholder for a domain": WrongFile(
        settings={**ZONE, "domain": "sites.example.com"},
        begins=f"{SETTING}.domain: 'sites.example.com' is a placeholder",
        allows="your own domain",
    ),
    "a placeholder for a zone": WrongFile(
        settings={**ZONE, "hostedZoneId": "Z0EXAMPLEPRODUCTION"},
        begins=f"{SETTING}.hostedZoneId: 'Z0EXAMPLEPRODUCTION' is a placeholder",
        allows="the id of your Route 53 hosted zone",
    ),
    "a placeholder for an address": WrongFile(
        settings={"alertEmails": ["ops@acme.io", "ops@example.com"]},
        begins=f"{SETTING}.alertEmails[1]: 'ops@example.com' is a placeholder",
        allows="a mailbox that somebody reads",
    ),
    "a placeholder for an origin": WrongFile(
        settings={"images": {"corsOrigins": ["https://app.example.com:8443"]}},
        begins=f"{SETTING}.images.corsOrigins[0]: 'https://app.example.com:8443' is a placeholder",
        allows="your own web application",
    ),
    "an option that is not true or false": WrongFile(
        config={"anchor-deploy:allowPlaceholders": "yes please"},
        begins="anchor-deploy:allowPlaceholders: 'yes please' is not valid",
        allows="true, false",
    ),
    "a name in upper case": WrongFile(stage="Alice", begins="the stack 'Alice' has ", allows="a-z"),
    "a name that is too long": WrongFile(
        stage="a" * 25, begins=f"the stack '{'a' * 25}' has a name with 25 characters", allows="1 to 24"
    ),
    "a name with a reserved word": WrongFile(
        stage="alice-images", begins="the stack 'alice-images' has the word 'images'", allows="any word"
    ),
}
# Mistakes in the form of a file. Pulumi refuses these files itself.
IN_FORM = frozenset(list(WRONG)[:9])


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_one_line_with_the_allowed_values(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Requirement G4."""
    wrong = WRONG[name]
    wrong.write(tmp_path)
    assert main([wrong.stage, "--folder", str(tmp_path)]) == 2
    printed, errors = capsys.readouterr()
    assert errors == ""
    assert printed.endswith("\n")
    (line,) = printed.splitlines()
    assert line.startswith(wrong.begins)
    assert wrong.contains in line
    problem, separator, allowed = line.rpartition("; allowed: ")
    assert problem
    assert separator
    assert wrong.allows in allowed


@pytest.mark.parametrize("name", [name for name in WRONG if name not in IN_FORM])
def test_the_program_refuses_the_file_with_the_same_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """G4: `pulumi preview` prints what `make validate` prints."""
    wrong = WRONG[name]
    wrong.write(tmp_path)
    main([wrong.stage, "--folder", str(tmp_path)])
    config = read_stage_file(tmp_path, wrong.stage)
    with pytest.raises(ConfigurationError) as error:
        record_program(run_main, wrong.stage, config)
    assert error.value.problems == tuple(capsys.readouterr().out.splitlines())


def test_at_least_25_wrong_files_are_tested() -> None:
    assert len(WRONG) >= 25


def test_several_mistakes_have_one_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Requirement G4."""
    wrong = WrongFile(begins="", allows="", settings={"colour": "red", "architecture": "mips"})
    wrong.write(tmp_path)
    assert main([STAGE, "--folder", str(tmp_path)]) == 2
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("stage", STAGES)
def test_a_valid_file_is_confirmed_in_the_first_line(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Requirement G4."""
    assert main([stage, "--folder", str(STAGE_FILES)]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first == f"Pulumi.{stage}.yaml is valid"
    assert all(line.startswith("advice: ") for line in others)


@pytest.mark.parametrize(
    ("settings", "advised"),
    [
        ({}, False),
        ({"domain": "acme-sites.dev", "hostedZoneId": "Z1"}, False),
        ({"domain": "acme-sites.dev", "hostedZoneId": "Z1", "sites": _TWO_SITES}, True),
        ({"domain": "github.io", "hostedZoneId": "Z1", "sites": _TWO_SITES}, False),
    ],
    ids=["no domain", "one site", "no public suffix", "public suffix"],
)
def test_several_sites_below_a_domain_that_is_no_public_suffix_are_advised(
    settings: dict[str, Any], *, advised: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """X4. Only an entry in the Public Suffix List stops cookies that a script sets for other sites."""
    WrongFile(begins="", allows="", settings=settings).write(tmp_path)
    assert main([STAGE, "--folder", str(tmp_path)]) == 0
    advice = capsys.readouterr().out.splitlines()[1:]
    assert bool(advice) == advised
    assert all("acme-sites.dev is not in the Public Suffix List" in line for line in advice)


def test_a_missing_file_is_named_with_the_files_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """Requirement G4."""
    assert main(["prodution", "--folder", str(STAGE_FILES)]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Pulumi.prodution.yaml does not exist in ")
    assert "(did you mean STAGE=production?)" in line
    assert line.endswith(
        "existing files: Pulumi.dev.yaml, Pulumi.local.yaml, Pulumi.production.yaml, Pulumi.staging.yaml"
    )
    assert main(["", "--folder", str(STAGE_FILES)]) == 2
    assert "dev, local, production, staging" in capsys.readouterr().out


def test_a_key_without_a_namespace_belongs_to_the_project(tmp_path: Path) -> None:
    """Pulumi reads the key in the same way."""
    WrongFile(begins="", allows="", text="config:\n  stage: {}\n").write(tmp_path)
    assert read_stage_file(tmp_path, STAGE) == {SETTING: {}}
    (tmp_path / "Pulumi.yaml").touch()
    assert list_stages(tmp_path) == [STAGE]
    with pytest.raises(StageFileError, match="does not exist"):
        read_stage_file(tmp_path, "bob")


def test_other_configuration_of_pulumi_is_accepted(tmp_path: Path) -> None:
    """Providers and Pulumi have their own keys, and `pulumi stack init` writes keys at the top."""
    text = render_file(config={"aws:profile": "work", "pulumi:tags": {"team": "web"}})
    WrongFile(begins="", allows="", text=text + "encryptionsalt: v1:abc\n").write(tmp_path)
    assert main([STAGE, "--folder", str(tmp_path)]) == 0


@pytest.mark.parametrize("path", sorted(CHECKOUT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_the_shipped_examples_are_valid_except_for_placeholders(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Requirement G1."""
    _, stage, _ = path.name.split(".")
    assert main([stage, "--allow-placeholders"]) == 0, capsys.readouterr().out


def test_the_command_needs_no_engine() -> None:
    """Requirement G4."""
    command = [sys.executable, "-m", "stage_files", "dev", "--folder", str(STAGE_FILES)]
    done = subprocess.run(
        command, cwd=CHECKOUT, env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Pulumi.dev.yaml is valid\n", "")
