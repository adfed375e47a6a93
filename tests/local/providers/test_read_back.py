"""A value in another form than the program's does not count as a change. A different value does (L6)."""

from typing import Any

import pytest

from local.providers.core.read_back import select_declared

PRESENT: dict[str, Any] = {
    "name": "builds",
    "visibilityTimeoutSeconds": "60",
    "fifoQueue": "true",
    "threshold": 1.0,
    "policy": '{"Version": "2012-10-17", "Statement": []}',
    "tags": {"Stage": "dev"},
    "allowedMethods": ["POST", "GET"],
    "logsConfig": {
        "cloudwatchLogs": {"status": "ENABLED", "groupName": "g"},
        "s3Logs": {"status": "DISABLED"},
    },
    "rules": [
        {"id": "b", "status": "Enabled", "expiration": {"days": 9}},
        {"id": "a", "status": "Enabled", "filter": {"prefix": ""}},
    ],
    "orderedCacheBehaviors": [{"pathPattern": "/a"}, {"pathPattern": "/b"}],
}


@pytest.mark.parametrize(
    "declared",
    [
        {"name": "builds"},
        {"visibilityTimeoutSeconds": 60, "fifoQueue": True, "threshold": 1},
        {"policy": '{"Statement":[],"Version":"2012-10-17"}'},
        {"allowedMethods": ["GET", "POST"]},
        {"logsConfig": {"cloudwatchLogs": {"groupName": "g"}}},
        {"logsConfig": [{"cloudwatchLogs": {"groupName": "g"}}]},
        {"rules": [{"id": "a", "status": "Enabled"}, {"id": "b", "expiration": {"days": 9}}]},
        {"tags": {"Stage": "dev"}},
        {"missing": [], "empty": "", "off": False},
    ],
)
def test_an_equal_value_is_returned_as_declared(declared: dict[str, Any]) -> None:
    assert select_declared(declared, PRESENT) == declared


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"name": "other"}, {"name": "builds"}),
        ({"visibilityTimeoutSeconds": 30}, {"visibilityTimeoutSeconds": 60}),
        ({"fifoQueue": False}, {"fifoQueue": True}),
        ({"gone": "value"}, {}),
        ({"tags": {}}, {"tags": {"Stage": "dev"}}),
        ({"tags": {"Stage": "dev", "Owner": "ada"}}, {"tags": {"Stage": "dev"}}),
        ({"allowedMethods": ["GET"]}, {"allowedMethods": ["GET", "POST"]}),
        ({"allowedMethods": ["GET", "PUT", "POST"]}, {"allowedMethods": ["GET", "POST"]}),
        (
            {"rules": [{"id": "a", "status": "Disabled"}, {"id": "b", "expiration": {"days": 9}}]},
            {"rules": [{"id": "a", "status": "Enabled"}, {"id": "b", "expiration": {"days": 9}}]},
        ),
        (
            {"orderedCacheBehaviors": [{"pathPattern": "/b"}, {"pathPattern": "/a"}]},
            {"orderedCacheBehaviors": [{"pathPattern": "/a"}, {"pathPattern": "/b"}]},
        ),
        ({"policy": '{"Version": "2008-10-17"}'}, {"policy": PRESENT["policy"]}),
    ],
)
def test_a_real_change_is_returned(declared: dict[str, Any], expected: dict[str, Any]) -> None:
    assert select_declared(declared, PRESENT) == expected
