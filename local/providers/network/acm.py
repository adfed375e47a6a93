"""ACM: certificates, and the wait until they are issued."""

from typing import Any

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    find_removed_tags,
    parse_answer,
    parse_tag_list,
    pick_properties,
)

# A short wait is enough, because the emulator issues a certificate as soon as its records are written.
WAIT = {"Delay": 1, "MaxAttempts": 5}


class MissingValidationRecordError(LookupError):
    """The program's `CertificateValidation` does not list all validation records of the certificate."""


@register_creator("aws:acm/certificate:Certificate")
def create_certificate(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Request a certificate. It is not issued yet."""
    properties = declared.properties
    arn = aws.client("acm").request_certificate(
        DomainName=properties["domainName"],
        ValidationMethod=properties["validationMethod"],
        **pick_properties(
            properties, SubjectAlternativeNames="subjectAlternativeNames", KeyAlgorithm="keyAlgorithm"
        ),
        **({"Tags": build_tag_list(properties)} if build_tag_list(properties) else {}),
    )["CertificateArn"]
    certificate = aws.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    return CreatedResource(id=arn, outputs=_build_outputs(certificate))


@register_updater("aws:acm/certificate:Certificate")
def update_certificate(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the tags."""
    client, properties = aws.client("acm"), declared.properties
    tags = parse_tag_list(client.list_tags_for_certificate(CertificateArn=made.id).get("Tags", []))
    if removed := find_removed_tags(tags, properties):
        client.remove_tags_from_certificate(CertificateArn=made.id, Tags=[{"Key": key} for key in removed])
    if wanted := build_tag_list(properties):
        client.add_tags_to_certificate(CertificateArn=made.id, Tags=wanted)
    return made


@register_reader("aws:acm/certificate:Certificate")
def read_certificate(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the certificate.

    ACM adds the domain name to the alternative names. If the program does not declare the domain name as an
    alternative name, this function removes it from the list.
    """
    client = aws.client("acm")
    certificate = client.describe_certificate(CertificateArn=made.id)["Certificate"]
    tags = client.list_tags_for_certificate(CertificateArn=made.id).get("Tags", [])
    wanted: list[str] = declared.properties.get("subjectAlternativeNames") or []
    names = [
        name
        for name in certificate["SubjectAlternativeNames"]
        if name in wanted or name != certificate["DomainName"]
    ]
    return {
        "subjectAlternativeNames": names,
        "tags": parse_tag_list(tags),
        "validationMethod": certificate["DomainValidationOptions"][0]["ValidationMethod"],
        **parse_answer(certificate, DomainName="domainName", KeyAlgorithm="keyAlgorithm"),
    }


@register_deleter("aws:acm/certificate:Certificate")
def delete_certificate(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the certificate. The engine has already deleted the resources that use it."""
    aws.client("acm").delete_certificate(CertificateArn=made.id)


def _build_outputs(certificate: dict[str, Any]) -> Properties:
    return {
        "arn": certificate["CertificateArn"],
        "domainValidationOptions": [
            {
                "domainName": option["DomainName"],
                "resourceRecordName": option["ResourceRecord"]["Name"],
                "resourceRecordType": option["ResourceRecord"]["Type"],
                "resourceRecordValue": option["ResourceRecord"]["Value"],
            }
            for option in certificate["DomainValidationOptions"]
        ],
        "status": certificate["Status"],
    }


@register_creator("aws:acm/certificateValidation:CertificateValidation")
def create_certificate_validation(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Wait until the certificate is issued. If the program lists validation records, it must list all."""
    properties = declared.properties
    client, arn = aws.client("acm"), properties["certificateArn"]
    certificate = client.describe_certificate(CertificateArn=arn)["Certificate"]
    given = {str(name).rstrip(".") for name in properties.get("validationRecordFqdns") or []}
    missing = {
        option["ResourceRecord"]["Name"].rstrip(".") for option in certificate["DomainValidationOptions"]
    } - given
    if given and missing:
        raise MissingValidationRecordError(f"missing DNS validation records: {', '.join(sorted(missing))}")
    client.get_waiter("certificate_validated").wait(CertificateArn=arn, WaiterConfig=WAIT)
    issued = client.describe_certificate(CertificateArn=arn)["Certificate"]["IssuedAt"]
    return CreatedResource(id=str(issued))


@register_reader("aws:acm/certificateValidation:CertificateValidation", unreadable=("validationRecordFqdns",))
def read_certificate_validation(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> Properties | None:
    """Return the validation, if the certificate is issued."""
    arn = declared.properties["certificateArn"]
    certificate = aws.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    return {"certificateArn": arn} if certificate["Status"] == "ISSUED" else None


@register_deleter("aws:acm/certificateValidation:CertificateValidation")
def delete_certificate_validation(
    _aws: ProviderContext, _declared: DeclaredResource, _made: CreatedResource
) -> None:
    """Delete nothing: a validation is only a wait."""
