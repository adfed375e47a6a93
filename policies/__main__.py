"""The policy pack, as `pulumi preview --policy-pack policies` runs it."""

import sys
from pathlib import Path

# Pulumi runs this folder as a program, so that its parent, where `policies` is found, is not on the path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import NAME, policy
from policies.rules import RULES

PolicyPack(
    name=NAME,
    policies=[policy(rule) for rule in RULES],
    enforcement_level=EnforcementLevel.MANDATORY,
)
