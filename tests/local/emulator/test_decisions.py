"""The embedded AWS records the decisions of its IAM for each role (Q3)."""

import pytest
from botocore.exceptions import ClientError

from local.emulator.decisions import Decision
from local.emulator.emulator import Emulator
from tests.local.emulator.probe import make_policy, make_role

OWN = "arn:aws:ssm:ap-southeast-1:000000000000:parameter/own/*"
OTHER = "arn:aws:ssm:ap-southeast-1:000000000000:parameter/other/KEY"


def test_a_decision_has_the_allowing_pattern_or_the_refused_resource(emulator: Emulator) -> None:
    """Calls allowed by one pattern are one decision. The decision on a refused call names the resource."""
    actions = ["ssm:GetParameters", "ssm:PutParameter"]
    role = make_role(emulator, "noted", policy=make_policy(actions, OWN))
    ssm = emulator.create_role_session(role).client("ssm")
    ssm.get_parameters(Names=["/own/A"])
    ssm.get_parameters(Names=["/own/B"])
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_parameters(Names=["/other/KEY"])
    assert {each for each in emulator.list_decisions() if each.role == "noted"} == {
        Decision(role="noted", action="ssm:GetParameters", resource=OWN, is_allowed=True),
        Decision(role="noted", action="ssm:GetParameters", resource=OTHER, is_allowed=False),
    }


def test_decisions_about_the_administrator_are_not_recorded(emulator: Emulator) -> None:
    before = emulator.list_decisions()
    emulator.client("ssm").get_parameters(Names=["/own/A"])
    assert emulator.list_decisions() == before
