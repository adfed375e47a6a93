"""The dev stage from its first preview to `pulumi destroy`, with Pulumi's own engine."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from policies.graph import Resource
from policies.plain_secrets import RULES
from tests.engine.checks import check_creation, check_no_change
from tests.engine.drift import DRIFTS, SITE_SECRET, make_release, read_release
from tests.engine.inventory import list_resources
from tests.engine.stacks import Stack

_INDEXES = "    indexes=(\n        Index(\n"
_MORE_INDEXES = """    indexes=(
        Index(name="SiteIndex", partition_key=Key("site"), purpose="test", query="site = 'next-site'"),
        Index(name="NameIndex", partition_key=Key("name"), purpose="test", query="name = 'Shop'"),
        Index(
"""
_SECRET = re.compile(r"(?i)(secret|password|passphrase|token|credential|private_?key)s?")


def test_the_dev_stage_works_from_the_first_preview_to_destroy(dev: Stack, subtests: pytest.Subtests) -> None:
    """Requirements G1, G3, G7, G8, G11, G12 and T4."""
    with subtests.test("a preview without warnings, then the creation"):
        check_creation(dev)
    with subtests.test("no change and no drift after the creation"):
        check_no_change(dev)
    with subtests.test("pulumi up does not revert what a release changes"):
        check_release(dev)
    with subtests.test("drift is shown and repaired"):
        check_drift(dev)
    with subtests.test("no secret in the exported state"):
        check_secrets(dev)
    with subtests.test("a warning if several indexes change"):
        check_index_warning(dev)
    with subtests.test("nothing is left after pulumi destroy"):
        check_destroy(dev)


def check_release(dev: Stack) -> None:
    """Requirement G8."""
    before = read_release(dev.emulator)
    make_release(dev.emulator)
    released = read_release(dev.emulator)
    assert all(released[part] != before[part] for part in released), (before, released)
    assert dev.up().has_no_change()
    assert read_release(dev.emulator) == released


def check_drift(dev: Stack) -> None:
    """G7: a refresh shows each change that was made by hand, and `pulumi up --refresh` reverts it."""
    released = read_release(dev.emulator)
    declared = [drift.read(dev.emulator) for drift in DRIFTS]
    for drift in DRIFTS:
        drift.make(dev.emulator)
    drifted = [drift.read(dev.emulator) for drift in DRIFTS]
    assert all(before != after for before, after in zip(declared, drifted, strict=True))

    changed = sum(drift.changed is not None for drift in DRIFTS)
    shown = dev.preview_refresh()
    assert shown.counts["to update"] == changed
    assert shown.counts["to delete"] == len(DRIFTS) - changed
    preview = dev.preview("--refresh")
    # For each resource, the output has one line for the refresh and one line for the update.
    for drift in DRIFTS:
        lines = [line for line in preview.output.splitlines() if f"{drift.resource} " in line]
        assert any(drift.changed is None or f"~{drift.changed}" in line for line in lines), lines
    assert drifted == [drift.read(dev.emulator) for drift in DRIFTS]

    repaired = dev.up("--refresh")
    assert (repaired.counts["updated"], repaired.counts["created"]) == (changed, len(DRIFTS) - changed)
    assert [drift.read(dev.emulator) for drift in DRIFTS] == declared
    assert read_release(dev.emulator) == released


def check_secrets(stack: Stack) -> None:
    """No secret of the program or of the platform is in the exported state in plain text.

    The refresh in `check_drift` has read the environment of a released function into the state.
    """
    exported = stack.get_state()
    texts = list(iterate_texts(exported))
    assert "anchor-dev-projects" in {text for _, text in texts}
    known = collect_secrets(stack)
    assert len(known) > 2
    assert [path for path, text in texts if any(secret in text for secret in known)] == []
    named = [path for path, text in texts if text and _SECRET.fullmatch(path.rpartition(".")[2])]
    assert named == []
    rule = next(rule for rule in RULES if rule.name == "no-secret-in-plain-text")
    whole = Resource(type="", name="state", urn="urn:pulumi:dev::", props=exported)
    assert list(rule.check(whole)) == []  # pyright: ignore[reportArgumentType] - a rule about one resource


def collect_secrets(stack: Stack) -> set[str]:
    """Return the secrets that the stage or its deployment uses."""
    emulator = stack.emulator
    secrets = {stack.project.passphrase, emulator.administrator.secret_access_key, SITE_SECRET}
    kms = emulator.client("kms")
    answer = kms.generate_mac(
        KeyId="alias/anchor-dev-signing",
        MacAlgorithm="HMAC_SHA_256",
        Message=b"webhook:01JD3Q4Z6W8XN5T7V9YB2C4D6F:1",
    )
    secrets.add(answer["Mac"].hex())
    return secrets


def iterate_texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text of a JSON document with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        fields: dict[str, Any] = value
        for name, item in fields.items():
            yield from iterate_texts(item, f"{path}.{name}")
    elif isinstance(value, list):
        items: list[Any] = value
        for item in items:
            yield from iterate_texts(item, path)


def check_index_warning(dev: Stack) -> None:
    """T4: if two indexes of a table change, the table's hook warns in the preview and in the update."""
    design = dev.project.folder / "components" / "deploy" / "tables.py"
    text = design.read_text(encoding="utf-8")
    assert _INDEXES in text
    design.write_text(text.replace(_INDEXES, _MORE_INDEXES, 1), encoding="utf-8")
    for steps in (dev.preview(), dev.up()):
        assert "this update adds, removes or recreates 2 indexes (NameIndex, SiteIndex)" in steps.output
        assert "Change one index per update" in steps.output


def check_destroy(dev: Stack) -> None:
    """G3: `pulumi destroy` removes everything from the account and from the state."""
    existing = list_resources(dev.emulator)
    assert len(existing) > 20
    deleted = dev.destroy()
    assert set(deleted.counts) == {"deleted"}
    assert list_resources(dev.emulator) == {}
    assert dev.get_state().get("resources", []) == []
