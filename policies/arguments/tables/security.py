"""IAM, KMS and ACM."""

from collections.abc import Iterator
from typing import Final

from policies.arguments.checks import (
    Check,
    check_arn,
    check_not_empty,
    does_not_match,
    follows_model,
    has_json,
    has_length,
    has_tags,
    is_between,
    is_in_enum,
    matches,
)
from policies.arguments.documents import (
    check_access_policy,
    check_iam_json,
    check_identity_policy,
    check_trust_policy,
)
from policies.arguments.relations import (
    NAME_OR_PREFIX,
    Block,
    define_relation,
    exclude_when_set,
    require_exactly_one,
    require_when_set,
)
from policies.arguments.resource_type import ResourceType

# Quotas of policies: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_ROLE_POLICY_SIZE: Final = 10_240
_MANAGED_POLICY_SIZE: Final = 6_144
_TRUST_POLICY_SIZE: Final = 2_048
_KEY_POLICY_SIZE: Final = 32_768
# The first domain name of a certificate is its common name (description of acm.RequestCertificateRequest).
_COMMON_NAME_LENGTH: Final = 64


def _has_iam_name(longest: int) -> tuple[Check, ...]:
    """Return the checks of `validResourceName` in internal/service/iam/validate.go."""
    return (has_length(1, longest), matches(r"^[\w+=,.@-]*$"))


def _has_policy(size: int, check: Check) -> tuple[Check, ...]:
    """Return the checks of a policy document of at most `size` characters."""
    return (check_iam_json, has_json(check), has_length(1, size), follows_model("iam.policyDocumentType"))


@define_relation("customerMasterKeySpec", "keyUsage", "enableKeyRotation")
def _check_key(block: Block) -> Iterator[str]:
    """Check that the usage and the rotation of a key fit its `customerMasterKeySpec`.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    """
    spec = block.get("customerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    usage = block.get("keyUsage") or "ENCRYPT_DECRYPT"
    if not isinstance(spec, str) or not isinstance(usage, str):
        return
    if spec.startswith("HMAC_") != (usage == "GENERATE_VERIFY_MAC"):
        yield f"the keyUsage {usage} does not fit the customerMasterKeySpec {spec}"
    if spec == "SYMMETRIC_DEFAULT" and usage != "ENCRYPT_DECRYPT":
        yield f"the keyUsage {usage} does not fit a symmetric key"
    if spec != "SYMMETRIC_DEFAULT" and block.get("enableKeyRotation") is True:
        yield "enableKeyRotation requires a symmetric key"


@define_relation("domainName", "certificateAuthorityArn", "validationMethod")
def _check_certificate(block: Block) -> Iterator[str]:
    """Check that a requested certificate has a validation method or a certificate authority.

    The provider checks this only when it creates the certificate.
    """
    if (
        block.get("domainName")
        and not block.get("validationMethod")
        and not block.get("certificateAuthorityArn")
    ):
        yield "domainName requires validationMethod or certificateAuthorityArn"


_IMPORTED: Final = ("certificateBody", "certificateChain", "privateKey")

TYPES: Final = (
    ResourceType(
        type="aws:iam/role:Role",
        source="iam/role.go",
        arguments={
            "assumeRolePolicy": _has_policy(_TRUST_POLICY_SIZE, check_trust_policy),
            "name": _has_iam_name(64),
            "tags": has_tags("iam.tagKeyType", "iam.tagValueType"),
        },
        relations=(NAME_OR_PREFIX,),
    ),
    ResourceType(
        type="aws:iam/rolePolicy:RolePolicy",
        source="iam/role_policy.go",
        arguments={
            "name": _has_iam_name(128),
            "policy": _has_policy(_ROLE_POLICY_SIZE, check_identity_policy),
            "role": (check_not_empty, follows_model("iam.roleNameType")),
        },
        relations=(NAME_OR_PREFIX,),
    ),
    ResourceType(
        type="aws:iam/policy:Policy",
        source="iam/policy.go",
        arguments={
            "description": (follows_model("iam.policyDescriptionType"),),
            "name": _has_iam_name(128),
            "policy": _has_policy(_MANAGED_POLICY_SIZE, check_identity_policy),
            "tags": has_tags("iam.tagKeyType", "iam.tagValueType"),
        },
        relations=(NAME_OR_PREFIX,),
    ),
    ResourceType(
        type="aws:kms/alias:Alias",
        source="kms/alias.go",
        arguments={
            "name": (
                does_not_match(r"^(alias/aws/)"),
                matches(r"^alias/[a-zA-Z0-9/_-]+$"),
                follows_model("kms.AliasNameType"),
            ),
            "targetKeyId": (follows_model("kms.KeyIdType"),),
        },
        relations=(NAME_OR_PREFIX,),
    ),
    ResourceType(
        type="aws:kms/key:Key",
        source="kms/key.go",
        arguments={
            "customerMasterKeySpec": (is_in_enum("kms.KeySpec"),),
            "deletionWindowInDays": (is_between(7, 30),),
            "description": (has_length(0, 8192),),
            "enableKeyRotation": (),
            "keyUsage": (is_in_enum("kms.KeyUsageType"),),
            "policy": (
                check_iam_json,
                has_json(check_access_policy),
                has_length(1, _KEY_POLICY_SIZE),
                follows_model("kms.PolicyType"),
            ),
            "tags": has_tags("kms.TagKeyType", "kms.TagValueType"),
        },
        relations=(
            require_when_set("rotationPeriodInDays", "enableKeyRotation"),
            require_when_set("xksKeyId", "customKeyStoreId"),
            _check_key,
        ),
        name=None,
    ),
    ResourceType(
        type="aws:acm/certificate:Certificate",
        source="acm/certificate.go",
        arguments={
            "domainName": (
                does_not_match(r"\.$"),
                has_length(1, _COMMON_NAME_LENGTH),
                follows_model("acm.DomainNameString"),
            ),
            "region": (),
            "subjectAlternativeNames": (follows_model("acm.DomainList"),),
            "subjectAlternativeNames[]": (has_length(1, 253), does_not_match(r"\.$")),
            "tags": has_tags("acm.TagKey", "acm.TagValue"),
            "validationMethod": (is_in_enum("acm.ValidationMethod"),),
        },
        relations=(
            require_exactly_one("domainName", "privateKey"),
            exclude_when_set("domainName", *_IMPORTED),
            exclude_when_set("subjectAlternativeNames", *_IMPORTED),
            exclude_when_set(
                "validationMethod", "certificateAuthorityArn", "earlyRenewalDuration", *_IMPORTED
            ),
            require_when_set("certificateBody", "privateKey"),
            _check_certificate,
        ),
        name=None,
    ),
    ResourceType(
        type="aws:acm/certificateValidation:CertificateValidation",
        source="acm/certificate_validation.go",
        arguments={
            "certificateArn": (check_arn, follows_model("acm.Arn")),
            "region": (),
            "validationRecordFqdns[]": (),
        },
        name=None,
    ),
)
