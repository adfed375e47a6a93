"""Hooks for the host names of distributions and APIs: each needs a certificate and a DNS record.

The emulator (ministack 1.5.33) accepts every certificate, and answers requests with the `Host` of an API's
domain name even if no record leads to the API. The records for the aliases of distributions are checked by
the local edge (local/edge/server.py).
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast
from xml.etree.ElementTree import Element

import ministack.app
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_region
from ministack.services import apigateway, apigateway_v1, cloudfront

from local.emulator.domains.certificates import (
    CLOUDFRONT_REGION,
    covers_host,
    find_certificate,
    read_certificate_arn,
)
from local.emulator.domains.zones import HostedZones, get_api_zone_id

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

NO_CERTIFICATE: Final = (
    "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted "
    "certificate that validates your authorization to use the domain name."
)
UNKNOWN_CERTIFICATE: Final = (
    "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include "
    "a valid certificate chain."
)
UNCOVERED_ALIAS: Final = (
    "The certificate that is attached to your distribution doesn't cover the alternate domain name (CNAME) "
    "that you're trying to add."
)
TAKEN_ALIAS: Final = (
    "One or more of the CNAMEs you provided are already associated with a different resource."
)


def install_host_hooks(zones: HostedZones) -> None:
    """Install the hooks."""

    async def handle_api_request(host: str, *arguments: object, **options: object) -> Response | None:
        name = host.partition(":")[0].lower()
        scope = apigateway_v1.find_domain_scope(name)
        domain: Json | None = apigateway_v1._domain_names.get_scoped(*scope) if scope else None
        if domain is not None and zones.resolve(name) != domain["regionalDomainName"]:
            body = json.dumps({"message": "Forbidden"}).encode()
            return 403, {"Content-Type": "application/json"}, body
        return await _ORIGINAL_HANDLE_API(host, *arguments, **options)

    ministack.app._handle_execute_api_request = handle_api_request
    cloudfront._create_distribution = _create_distribution
    cloudfront._update_distribution = _update_distribution
    apigateway._create_domain_name = _create_domain_name
    apigateway._update_domain_name = _update_domain_name


_ORIGINAL_HANDLE_API = cast(
    "Callable[..., Awaitable[Response | None]]", ministack.app._handle_execute_api_request
)
_ORIGINAL_CREATE = cast("Callable[[Json, bytes], Response]", cloudfront._create_distribution)
_ORIGINAL_UPDATE = cast("Callable[[str, Json, bytes], Response]", cloudfront._update_distribution)
_ORIGINAL_CREATE_DOMAIN = cast("Callable[[Json], Response]", apigateway._create_domain_name)
_ORIGINAL_UPDATE_DOMAIN = cast("Callable[[str, Json], Response]", apigateway._update_domain_name)


def _create_distribution(headers: Json, body: bytes) -> Response:
    config, _tags = cloudfront._unwrap_distribution_create_xml(cloudfront._parse_body(body))
    reference = "" if config is None else cloudfront._text(config, "CallerReference")
    known = (
        each["Id"] for each in cloudfront._distributions.values() if each["CallerReference"] == reference
    )
    return _check_aliases(config, next(known, "")) or _ORIGINAL_CREATE(headers, body)


def _update_distribution(distribution_id: str, headers: Json, body: bytes) -> Response:
    refusal = _check_aliases(cloudfront._parse_body(body), distribution_id)
    return refusal or _ORIGINAL_UPDATE(distribution_id, headers, body)


def _check_aliases(config: Element | None, distribution_id: str) -> Response | None:
    """Return CloudFront's error if a distribution must not have the aliases of its configuration."""
    if config is None:
        return None
    aliases = _list_aliases(config)
    arn = read_certificate_arn(config)
    certificate = find_certificate(arn) if _read_region(arn) == CLOUDFRONT_REGION else None
    if arn and certificate is None:
        return _refuse_request("InvalidViewerCertificate", UNKNOWN_CERTIFICATE)
    if aliases and certificate is None:
        return _refuse_request("InvalidViewerCertificate", NO_CERTIFICATE)
    if certificate and not all(_covers_alias(certificate, alias) for alias in aliases):
        return _refuse_request("InvalidViewerCertificate", UNCOVERED_ALIAS)
    for other in cloudfront._distributions.values():
        if other["Id"] != distribution_id and aliases & _list_aliases(cloudfront._dist_config_el(other)):
            return _refuse_request("CNAMEAlreadyExists", TAKEN_ALIAS, 409)
    return None


def _list_aliases(config: Element) -> set[str]:
    aliases = cloudfront._find(config, "Aliases")
    items = None if aliases is None else cloudfront._find(aliases, "Items")
    return {str(item.text).lower() for item in items} if items is not None else set()


def _covers_alias(certificate: Json, alias: str) -> bool:
    return alias in certificate["SubjectAlternativeNames"] or covers_host(certificate, alias)


def _refuse_request(code: str, message: str, status: int = 400) -> Response:
    return cast("Response", cloudfront._error(code, message, status))


def _create_domain_name(data: Json) -> Response:
    name = data.get("domainName", "")
    if refusal := _check_domain(name, data):
        return refusal
    response = _ORIGINAL_CREATE_DOMAIN(data)
    domain: Json | None = apigateway_v1._domain_names.get(name)
    if response[0] != 201 or domain is None:  # noqa: PLR2004 - HTTP's Created
        return response
    domain["regionalHostedZoneId"] = get_api_zone_id(domain["regionalHostedZoneId"])
    return cast("Response", apigateway._apigw_response(apigateway._domain_view(domain), 201))


def _update_domain_name(name: str, data: Json) -> Response:
    return _check_domain(name, data) or _ORIGINAL_UPDATE_DOMAIN(name, data)


def _check_domain(name: str, data: Json) -> Response | None:
    """Return API Gateway's error if the certificate of a domain name cannot be used."""
    for config in data.get("domainNameConfigurations") or []:
        arn = config.get("certificateArn", "")
        certificate = find_certificate(arn) if _read_region(arn) == get_region() else None
        if certificate is None or not covers_host(certificate, name):
            message = "The provided certificate does not exist."
            return cast("Response", apigateway._apigw_error("BadRequestException", message, 400))
    return None


def _read_region(arn: str) -> str:
    try:
        return str(parse_arn(arn).region)
    except ArnParseError:
        return ""
