"""Names of our own: certificates that DNS validates, and the records that lead to what they certify (G2)."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.stage import StageConfig

_MINUTE: Final = 60


@attrs.frozen(kw_only=True)
class CertificateArgs:
    """What a certificate is made of.

    Attributes:
        stage: The stage it belongs to.
        host: The host it certifies.
        zone: The id of the Route 53 zone of the host.
        wildcard: Whether it certifies the hosts below `host`, too.
        region: Where it is used, if that is not the stage's region: CloudFront takes certificates from one.
    """

    stage: StageConfig
    host: str
    zone: str
    wildcard: bool = False
    region: str | None = None


class Certificate(Part):
    """A certificate that ACM renews by itself, as long as the record stays that proves whose the host is.

    Attributes:
        arn: Its ARN, known once the validation is through.
    """

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.stage, opts)
        certificate = aws.acm.Certificate(
            name,
            region=args.region,
            domain_name=args.host,
            subject_alternative_names=[f"*.{args.host}"] if args.wildcard else None,
            validation_method="DNS",
            opts=self.inside,
        )
        # A host and its wildcard are validated by the same record.
        proof = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation",
            zone_id=args.zone,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=_MINUTE,
            allow_overwrite=True,
            opts=self.inside,
        )
        self.arn = aws.acm.CertificateValidation(
            name,
            region=args.region,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=self.inside,
        ).certificate_arn


@attrs.frozen(kw_only=True)
class AliasTarget:
    """What AWS runs under a name of its own.

    Attributes:
        name: That name.
        zone: The id of the zone in which AWS has it.
    """

    name: pulumi.Input[str]
    zone: pulumi.Input[str]


def alias_record(  # noqa: PLR0913 - what a record consists of
    name: str, host: str, zone: str, target: AliasTarget, opts: pulumi.ResourceOptions, *, kind: str = "A"
) -> None:
    """Make the record that leads a host to its target: `A` over IPv4, `AAAA` over IPv6."""
    aws.route53.Record(
        f"{name}-{kind.lower()}",
        zone_id=zone,
        name=host,
        type=kind,
        aliases=[
            aws.route53.RecordAliasArgs(name=target.name, zone_id=target.zone, evaluate_target_health=False)
        ],
        opts=opts,
    )
