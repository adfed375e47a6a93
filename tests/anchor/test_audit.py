"""`anchor audit` lists who did what to a project."""

import json
from typing import Any

from anchor.version import PACKAGE, read_version
from runtime.deploy.audit.model import CLI_USER_AGENT
from tests.anchor.fake_api import SHOP, Anchor, Answer

ENTRY: dict[str, Any] = {
    "entryId": "01JE8QZ5W3V7K2M4N6P8R00001",
    "at": "2026-11-30T11:58:00.000Z",
    "action": "variables.set",
    "actor": {"kind": "user", "id": "ada-0000"},
    "channel": "cli",
    "ip": "203.0.113.7",
    "userAgent": "anchor-deploy-cli/0.2.0",
    "requestId": "request-1",
    "targetId": None,
    "changes": [{"name": "TOKEN", "value": "set"}, {"name": "OLD", "value": "removed"}],
}
LIVE: dict[str, Any] = {
    **ENTRY,
    "action": "release.live",
    "actor": {"kind": "platform", "id": "switch"},
    "channel": "platform",
    "ip": None,
    "userAgent": None,
    "requestId": None,
    "targetId": "01JE8QZ5W3V7K2M4N6P8R00007",
    "changes": [],
}


def answer_once(anchor: Anchor) -> dict[str, Any]:
    page = {"entries": [LIVE, ENTRY], "cursor": None}
    anchor.api.overrides["GET", f"/projects/{SHOP}/audit"] = [Answer(200, page)]
    return page


def test_entries_are_a_table(anchor: Anchor) -> None:
    answer_once(anchor)
    lines = anchor.run_ok("audit", "My shop").splitlines()
    assert [line.split() for line in lines] == [
        ["time", "action", "who", "from", "ip", "changes"],
        [LIVE["at"], "release.live", "platform", "switch", "platform", LIVE["targetId"]],
        [ENTRY["at"], "variables.set", "user", "ada-0000", "cli", ENTRY["ip"], "TOKEN=set", "OLD=removed"],
    ]


def test_json_is_the_answer_of_the_api(anchor: Anchor) -> None:
    page = answer_once(anchor)
    assert json.loads(anchor.run_ok("audit", SHOP, "--json", "--action=release")) == page


def test_the_api_recognizes_the_command_line_by_its_user_agent(anchor: Anchor) -> None:
    anchor.run_ok("deployments", "My shop")
    assert set(anchor.api.agents) == {f"{PACKAGE}/{read_version()}"}
    assert anchor.api.agents[0].startswith(CLI_USER_AGENT)
