"""Certificates that are validated by DNS, and alias records."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.scope import ResourceScope

_MINUTE: Final = 60


@attrs.frozen(kw_only=True)
class CertificateArgs:
    """Arguments of `Certificate`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        host: Host name of the certificate.
        zone_id: Id of the Route 53 zone of the host.
        wildcard: Whether the certificate also covers the subdomains of `host`.
        region: Region of the certificate, if it is not the scope's region. See `CLOUDFRONT_REGION`.
    """

    scope: ResourceScope
    host: str
    zone_id: str
    wildcard: bool = False
    region: str | None = None


class Certificate(Part):
    """A certificate that ACM renews automatically, as long as its validation record exists.

    Attributes:
        arn: ARN, known after the validation.
    """

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.scope, opts)
        certificate = aws.acm.Certificate(
            name,
            region=args.region,
            domain_name=args.host,
            subject_alternative_names=[f"*.{args.host}"] if args.wildcard else None,
            validation_method="DNS",
            opts=self.child_opts,
        )
        # The host and its wildcard have the same validation record, so the first record is enough.
        validation = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation",
            zone_id=args.zone_id,
            name=validation.resource_record_name,
            type=validation.resource_record_type,
            records=[validation.resource_record_value],
            ttl=_MINUTE,
            allow_overwrite=True,
            opts=self.child_opts,
        )
        self.arn = aws.acm.CertificateValidation(
            name,
            region=args.region,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=self.child_opts,
        ).certificate_arn


@attrs.frozen(kw_only=True)
class AliasTarget:
    """The AWS resource that an alias record points to.

    Attributes:
        name: Host name of the resource.
        zone_id: Id of the hosted zone of that host name.
    """

    name: pulumi.Input[str]
    zone_id: pulumi.Input[str]


def create_alias_record(  # noqa: PLR0913 - the fields of a record
    name: str, host: str, zone_id: str, target: AliasTarget, opts: pulumi.ResourceOptions, *, kind: str = "A"
) -> None:
    """Create an alias record. `kind` is `A` for IPv4 or `AAAA` for IPv6."""
    aws.route53.Record(
        f"{name}-{kind.lower()}",
        zone_id=zone_id,
        name=host,
        type=kind,
        aliases=[
            aws.route53.RecordAliasArgs(
                name=target.name, zone_id=target.zone_id, evaluate_target_health=False
            )
        ],
        opts=opts,
    )
