"""`anchor logs --runtime` shows what the functions of a site write."""

import json

import pytest

from anchor.client import Json
from tests.anchor.fake_api import NOW, SHOP, Anchor, Answer, make_deployment_id

LOG = f"/projects/{SHOP}/logs"


def make_line(text: str, level: str | None = "INFO") -> Json:
    return {
        "at": "2026-01-31T09:30:00.000Z",
        "level": level,
        "requestId": None,
        "deploymentId": None,
        "text": text,
    }


@pytest.fixture
def shop(anchor: Anchor) -> Anchor:
    anchor.api.log_pages = [
        [make_line("Error: no\n    at page.js:1", "ERROR")],
        [make_line("plain", None)],
        [make_line("later")],
    ]
    return anchor


def test_the_log_is_printed_until_it_is_up_to_date(shop: Anchor) -> None:
    assert shop.run_ok("logs", "My shop", "--runtime").splitlines() == [
        "2026-01-31T09:30:00.000Z ERROR Error: no",
        "        at page.js:1",
        "2026-01-31T09:30:00.000Z -     plain",
    ]
    assert shop.pauses == []


def test_the_project_can_be_named_by_its_id(shop: Anchor) -> None:
    by_name = shop.run_ok("logs", "My shop", "--runtime")
    assert shop.run_ok("logs", SHOP, "--runtime") == by_name
    assert not any("deploymentId" in query for query in shop.api.log_queries)


def test_follow_waits_for_new_messages(shop: Anchor) -> None:
    out = shop.run_ok("logs", "My shop", "--runtime", "--follow")
    assert out.splitlines()[-1] == "2026-01-31T09:30:00.000Z INFO  later"
    assert shop.pauses == [2.0]


def test_follow_continues_when_the_log_is_busy(shop: Anchor) -> None:
    """The client itself repeats a refused request once."""
    shop.api.overrides["GET", LOG] = [Answer(503, {"detail": "busy"}) for _ in range(3)]
    assert "later" in shop.run_ok("logs", "My shop", "--runtime", "--follow")
    shop.api.overrides["GET", LOG] = [Answer(503, {"detail": "busy"}) for _ in range(2)]
    assert "busy" in shop.run("logs", "My shop", "--runtime").err


def test_follow_ends_with_another_error(shop: Anchor) -> None:
    shop.api.overrides["GET", LOG] = [Answer(404, {"detail": "no such project"})]
    result = shop.run("logs", "My shop", "--runtime", "--follow")
    assert (result.status, result.out) == (1, "")
    assert "no such project" in result.err


def test_options_become_parameters_of_the_api(shop: Anchor) -> None:
    options = ("--since=10m", "--until=2026-01-31T10:00:00+01:00", "--function=image", "--level=error,warn")
    shop.run_ok("logs", "My shop", "--runtime", *options, "--request=r1", "--text=a b")
    query = shop.api.log_queries[0]
    assert NOW.isoformat() == "2026-11-30T12:00:00+00:00"
    assert query == {
        "since": "2026-11-30T11:50:00.000Z",
        "until": "2026-01-31T09:00:00.000Z",
        "function": "image",
        "level": "ERROR,WARN",
        "requestId": "r1",
        "text": "a b",
        "limit": "500",
    }


@pytest.mark.parametrize("by_option", [True, False])
def test_a_deployment_limits_the_log_to_its_release(shop: Anchor, *, by_option: bool) -> None:
    deployment = make_deployment_id(7)
    named = ("My shop", f"--deployment={deployment.lower()}") if by_option else (deployment,)
    shop.run_ok("logs", *named, "--runtime")
    assert shop.api.log_queries[0]["deploymentId"] == deployment


def test_json_is_one_document_or_a_document_for_each_message(shop: Anchor) -> None:
    assert shop.run_json("logs", "My shop", "--runtime") == {
        "lines": [*shop.api.log_pages[0], *shop.api.log_pages[1]],
        "cursor": "2",
    }
    decoder, out = json.JSONDecoder(), shop.run_ok("logs", "My shop", "--runtime", "--follow", "--json")
    assert decoder.raw_decode(out)[0] == shop.api.log_pages[0][0]


@pytest.mark.parametrize("time", ["yesterday", "10", "0m", "5x", "2026-13-01"])
def test_a_wrong_time_is_named(shop: Anchor, time: str) -> None:
    result = shop.run("logs", "My shop", "--runtime", f"--since={time}")
    assert result.status == 1
    assert f"--since: {time} is neither a duration" in result.err


def test_an_option_of_the_runtime_log_needs_runtime(shop: Anchor) -> None:
    result = shop.run("logs", make_deployment_id(7), "--since=10m")
    assert result.status == 1
    assert "--since is an option of the run-time log: add --runtime" in result.err


def test_a_message_cannot_imitate_another_message(shop: Anchor) -> None:
    shop.api.log_pages = [[make_line("a\n2026-01-31T09:30:00.000Z INFO  fake\r\x1b[2Jb")], []]
    lines = shop.run_ok("logs", "My shop", "--runtime").splitlines()
    assert [line for line in lines if not line.startswith("    ")] == ["2026-01-31T09:30:00.000Z INFO  a"]
    assert "\x1b" not in "".join(lines)
