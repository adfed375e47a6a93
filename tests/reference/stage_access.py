"""The bucket, the key and the roles of `.github/aws/stage.yaml`, and IAM's decisions about them.

The template is resolved for one stage without CloudFormation. IAM's decisions are those of the emulator.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import yaml
from attrs import frozen
from ministack.core import iam_evaluator
from moto.iam.aws_managed_policies import aws_managed_policies_data

from tests.components.recorder import ACCOUNT, ROOT
from tests.components.stages import REGION

TEMPLATE = ROOT / ".github" / "aws" / "stage.yaml"
SUBJECT = "repo:octocat@123456/my-repo@456789"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/administrators/alice"
PARAMETERS: Mapping[str, Any] = {
    "Repository": SUBJECT,
    "StateBuckets": "example-state",
    "Provider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
    "Administrators": [f"arn:aws:iam::{ACCOUNT}:role/administrators/*"],
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
}
MANAGED = cast("dict[str, Any]", json.loads(aws_managed_policies_data))


class _Loader(yaml.SafeLoader):
    """Loads the short forms of CloudFormation's functions as mappings."""


def _load_function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    assert isinstance(node, yaml.ScalarNode), suffix
    return {suffix: loader.construct_scalar(node)}


_Loader.add_multi_constructor("!", _load_function)


def load_template() -> dict[str, Any]:
    return yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506 - the loader is derived from SafeLoader


@frozen
class StageAccess:
    """The resources of the template for one stage, with all values inserted."""

    stage: str
    resources: Mapping[str, Any]

    @property
    def bucket(self) -> str:
        """Return the ARN of the state bucket."""
        return f"arn:aws:s3:::{self.resources['Bucket']['BucketName']}"

    @property
    def state(self) -> str:
        """Return the ARN of the object with the state of the stage."""
        return f"{self.bucket}/.pulumi/stacks/anchor-deploy/{self.stage}.json"

    @property
    def key(self) -> str:
        """Return the ARN of the key."""
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{self.stage}"

    def get_role_arn(self, role: str) -> str:
        """Return the ARN of `DeployRole`, `PreviewRole` or `DriftRole`."""
        return f"arn:aws:iam::{ACCOUNT}:role/{self.resources[role]['RoleName']}"

    def find_resource_policy(self, arn: str) -> str | None:
        """Return the policy of the bucket or of the key, or None if the ARN belongs to neither."""
        if arn == self.key:
            return json.dumps(self.resources["Key"]["KeyPolicy"])
        if arn == self.bucket or arn.startswith(f"{self.bucket}/"):
            return json.dumps(self.resources["BucketPolicy"]["PolicyDocument"])
        return None

    def list_identity_policies(self, role: str) -> list[Any]:
        """Return the parsed policies of a role: managed policies of AWS and inline policies."""
        properties = self.resources[role]
        managed = [
            MANAGED[arn.rpartition("/")[2]]["Document"] for arn in properties.get("ManagedPolicyArns", [])
        ]
        inline = [each["PolicyDocument"] for each in properties.get("Policies", [])]
        return [iam_evaluator.parse_policy_document(each) for each in (*managed, *inline)]

    def trusts(self, role: str, subject: str) -> bool:
        """Return whether a token of GitHub with this `sub` may assume the role."""
        (statement,) = self.resources[role]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Federated": PARAMETERS["Provider"]}
        issuer = "token.actions.githubusercontent.com"
        context = create_context("", statement["Action"], "*")
        context.service_context = {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}
        parsed = iam_evaluator.parse_policy_document({"Statement": [statement]})
        return iam_evaluator.evaluate(context, [parsed]).decision == "Allow"


def resolve_template(stage: str) -> StageAccess:
    """Return the resources of the template for a stage."""
    template = load_template()
    values = {**PARAMETERS, "Stage": stage}
    resources = {name: each["Properties"] for name, each in template["Resources"].items()}

    def resolve_attribute(path: str) -> str:
        name, attribute = path.split(".")
        assert attribute == "Arn"
        if name == "Key":
            return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{stage}"
        return f"arn:aws:iam::{ACCOUNT}:role/{resolve(resources[name]['RoleName'])}"

    functions: dict[str, Callable[[str], Any]] = {
        "Ref": lambda name: values.get(name, f"<{name}>"),
        "Sub": lambda text: re.sub(r"\$\{([\w:]+)\}", lambda match: str(values[match[1]]), text),
        "GetAtt": resolve_attribute,
    }

    def resolve(value: object) -> Any:  # noqa: ANN401 - any value of a template
        if isinstance(value, list):
            return [resolve(each) for each in cast("list[object]", value)]
        if not isinstance(value, dict):
            return value
        mapping = cast("dict[str, Any]", value)
        for name, function in functions.items():
            if name in mapping:
                return function(mapping[name])
        return {name: resolve(each) for name, each in mapping.items()}

    return StageAccess(stage, {name: resolve(each) for name, each in resources.items()})


def create_context(principal: str, action: str, resource: str) -> iam_evaluator.EvalContext:
    return iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region=REGION,
        secure_transport=True,
    )


def is_allowed(owner: StageAccess, principal: str, policies: list[Any], action: str, resource: str) -> bool:
    """Return whether a principal of the account may use the bucket or the key of a stage.

    Args:
        owner: The stage to which the resource belongs.
        principal: The ARN of the role.
        policies: The parsed identity policies of the role.
        action: The action.
        resource: The ARN of the resource.
    """
    context = create_context(principal, action, resource)
    identity = iam_evaluator.evaluate(context, policies)
    policy = owner.find_resource_policy(resource)
    assert policy is not None, resource
    decided = iam_evaluator.combine_resource_policy(
        identity, context, policy, ACCOUNT, required=action.startswith("kms:")
    )
    return decided.decision == "Allow"
