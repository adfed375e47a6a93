"""The policy pack, as run by `pulumi preview --policy-pack policies`."""

import sys
from pathlib import Path

# Pulumi runs this folder as a program, so the parent folder is not on the module path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import NAME, create_policy
from policies.rules import RULES

PolicyPack(
    name=NAME,
    policies=[create_policy(rule) for rule in RULES],
    enforcement_level=EnforcementLevel.MANDATORY,
)
