"""ACM hooks for the emulator: a certificate is issued only when its validation records exist.

The emulator (ministack 1.5.33) issues each certificate at once, and deletes a certificate even if a
distribution or a domain name uses it.

Differences from ACM: a certificate is issued as soon as its last validation record is written, not some
minutes later. An issued certificate stays valid if its records are deleted.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final, cast
from xml.etree.ElementTree import Element

from ministack.core.responses import error_response_json, get_account_id, now_iso
from ministack.services import acm, apigateway_v1, cloudfront

from local.emulator.domains.zones import list_record_values

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

PENDING: Final = "PENDING_VALIDATION"
# The members that `DescribeCertificate` returns only for an issued certificate.
ISSUED_MEMBERS: Final = ("IssuedAt", "NotAfter", "NotBefore")
CLOUDFRONT_REGION: Final = "us-east-1"


def install_certificate_hooks() -> None:
    """Install the hooks."""
    acm._request_certificate = _request_certificate
    acm._cert_shape = _describe_certificate
    acm._delete_certificate = _delete_certificate


_ORIGINAL_REQUEST = cast("Callable[[Json], Response]", acm._request_certificate)
_ORIGINAL_SHAPE = cast("Callable[[Json], Json]", acm._cert_shape)
_ORIGINAL_DELETE = cast("Callable[[Json], Response]", acm._delete_certificate)


def issue_validated_certificates() -> None:
    """Issue every pending certificate whose validation records exist. Called after changes of records."""
    for certificate in list(acm._certificates._data.values()):
        if certificate["Status"] == PENDING:
            _validate_certificate(certificate)


def find_certificate(arn: str) -> Json | None:
    """Return the account's certificate with this ARN if it is issued, otherwise None."""
    for (account_id, _region, key), certificate in acm._certificates.all_items():
        if (account_id, key) == (get_account_id(), arn) and certificate["Status"] == "ISSUED":
            return cast("Json", certificate)
    return None


def covers_host(certificate: Json, host: str) -> bool:
    """Return whether a certificate is valid for a host. A wildcard covers one label (RFC 6125)."""
    names = {str(name).lower() for name in certificate["SubjectAlternativeNames"]}
    return host.lower() in names or f"*.{host.lower().partition('.')[2]}" in names


def read_certificate_arn(config: Element) -> str:
    """Return the ARN of the certificate in a distribution's configuration, or an empty text."""
    found = (element.text for element in config.iter() if element.tag.endswith("ACMCertificateArn"))
    return next(found, None) or ""


def _request_certificate(data: Json) -> Response:
    known = set(acm._certificates.keys())
    response = _ORIGINAL_REQUEST(data)
    for arn in set(acm._certificates.keys()) - known:
        certificate: Json = acm._certificates[arn]
        certificate["Status"] = PENDING
        if certificate["ValidationMethod"] == "DNS":
            names: list[str] = certificate["SubjectAlternativeNames"]
            certificate["DomainValidationOptions"] = [_create_validation(name) for name in names]
            _validate_certificate(certificate)
    return response


def _create_validation(name: str) -> Json:
    """Return the DNS validation of a domain name. A host and its wildcard need the same DNS record."""
    host = name.removeprefix("*.").lower()
    digest = hashlib.sha256(f"{get_account_id()} {host}".encode()).hexdigest()
    return {
        "DomainName": name,
        "ValidationDomain": name,
        "ValidationMethod": "DNS",
        "ValidationStatus": PENDING,
        "ResourceRecord": {
            "Name": f"_{digest[:32]}.{host}.",
            "Type": "CNAME",
            "Value": f"_{digest[32:]}.embedded.acm-validations.aws.",
        },
    }


def _validate_certificate(certificate: Json) -> None:
    options: list[Json] = certificate["DomainValidationOptions"]
    for option in options:
        record = option.get("ResourceRecord")
        if record and record["Value"] in list_record_values(record["Name"], record["Type"]):
            option["ValidationStatus"] = "SUCCESS"
    if options and all(option["ValidationStatus"] == "SUCCESS" for option in options):
        now = now_iso()
        certificate.update(Status="ISSUED", IssuedAt=now, NotBefore=now)


def _describe_certificate(certificate: Json) -> Json:
    described = {
        **_ORIGINAL_SHAPE(certificate),
        "InUseBy": sorted(_list_resources_using(certificate["CertificateArn"])),
    }
    if certificate["Status"] == PENDING:
        for name in ISSUED_MEMBERS:
            described.pop(name, None)
    return described


def _delete_certificate(data: Json) -> Response:
    arn = data.get("CertificateArn", "")
    if any(_list_resources_using(arn)):
        message = f"Certificate {arn} in account {get_account_id()} is in use."
        return cast("Response", error_response_json("ResourceInUseException", message, 400))
    return _ORIGINAL_DELETE(data)


def _list_resources_using(certificate_arn: str) -> Iterator[str]:
    """Return the ARNs of the distributions and API domain names that use a certificate."""
    for distribution in cloudfront._distributions.values():
        if read_certificate_arn(cloudfront._dist_config_el(distribution)) == certificate_arn:
            yield distribution["ARN"]
    for (account_id, region, name), domain in apigateway_v1._domain_names.all_items():
        if account_id == get_account_id() and domain["regionalCertificateArn"] == certificate_arn:
            yield f"arn:aws:apigateway:{region}::/domainnames/{name}"
