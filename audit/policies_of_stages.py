"""All IAM policies of the repository: of every stage, of the roles of the workflows, and for people."""

import json
from collections.abc import Iterator
from typing import Final

from audit.policy_lint import Policy
from policies.documents import DOCUMENTS, GRANTING, KEY, ROLE
from tests.components.recorder import ACCOUNT, ROOT, get_recording
from tests.components.stages import REGION, STAGES
from tests.reference.stage_access import resolve_template

_KINDS: Final = {**dict.fromkeys(GRANTING, "identity"), ROLE: "trust", KEY: "key"}
_DOCUMENTS_OF_TEMPLATE: Final = {
    "AssumeRolePolicyDocument": "trust",
    "KeyPolicy": "key",
    "PolicyDocument": "resource",
}


def list_policies() -> Iterator[Policy]:
    """Yield every policy document."""
    for stage in STAGES:
        yield from _list_policies_of_stage(stage)
        yield from _list_policies_of_template(stage)
    text = (ROOT / "docs" / "first-account-policy.json").read_text(encoding="utf-8")
    for placeholder, value in (("REGION", REGION), ("ACCOUNT", ACCOUNT), ("STAGE", "dev")):
        text = text.replace(placeholder, value)
    yield Policy(kind="identity", name="docs/first-account-policy.json", text=text)


def _list_policies_of_stage(stage: str) -> Iterator[Policy]:
    for resource in get_recording(stage).resources:
        text = resource.inputs.get(DOCUMENTS.get(resource.type, ""))
        if isinstance(text, str):
            kind = _KINDS.get(resource.type, "resource")
            yield Policy(kind=kind, name=f"{stage}: {resource.type} {resource.name}", text=text)


def _list_policies_of_template(stage: str) -> Iterator[Policy]:
    for name, properties in resolve_template(stage).resources.items():
        where = f"{stage}: .github/aws/stage.yaml {name}"
        for key, kind in _DOCUMENTS_OF_TEMPLATE.items():
            if key in properties:
                yield Policy(kind=kind, name=where, text=json.dumps(properties[key]))
        for policy in properties.get("Policies", []):
            yield Policy(kind="identity", name=where, text=json.dumps(policy["PolicyDocument"]))
