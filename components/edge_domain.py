"""EdgeDomain: the certificate and the records of a stage's own domain (G2)."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.component import Component
from components.stage import StageConfig

# CloudFront takes certificates from there alone.
_CERTIFICATE_REGION: Final = "us-east-1"
_MINUTE: Final = 60


@attrs.frozen(kw_only=True)
class EdgeDomainArgs:
    """What the domain is made of.

    Attributes:
        stage: The stage it belongs to, with its domain and the domain's zone.
    """

    stage: StageConfig


class EdgeDomain(Component):
    """`*.<domain>`, where the stage names a zone; otherwise the distribution has only its own name.

    Attributes:
        aliases: The names under which the distribution answers.
        viewer_certificate: The certificate it shows.
    """

    def __init__(self, name: str, args: EdgeDomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("edge_domain", name, args.stage, opts)
        self._name = name
        self.aliases: tuple[str, ...] = ()
        self.viewer_certificate = aws.cloudfront.DistributionViewerCertificateArgs(
            cloudfront_default_certificate=True
        )
        if args.stage.domain and args.stage.hosted_zone_id:
            self.aliases = (f"*.{args.stage.domain}",)
            self.viewer_certificate = aws.cloudfront.DistributionViewerCertificateArgs(
                acm_certificate_arn=self._certificate(args.stage.domain, args.stage.hosted_zone_id),
                ssl_support_method="sni-only",
                minimum_protocol_version="TLSv1.2_2021",
            )
        self.register_outputs({})

    def point_to(self, distribution: aws.cloudfront.Distribution) -> None:
        """Make the records that lead the aliases to the distribution, over IPv4 and IPv6."""
        zone = self.stage.hosted_zone_id
        if zone is None:
            return
        target = aws.route53.RecordAliasArgs(
            name=distribution.domain_name, zone_id=distribution.hosted_zone_id, evaluate_target_health=False
        )
        for kind in ("A", "AAAA"):
            aws.route53.Record(
                f"{self._name}-{kind.lower()}",
                zone_id=zone,
                name=f"*.{self.stage.domain}",
                type=kind,
                aliases=[target],
                opts=self.inside,
            )

    def _certificate(self, domain: str, zone: str) -> pulumi.Output[str]:
        """The ARN of the certificate, known once its validation is through."""
        certificate = aws.acm.Certificate(
            self._name,
            region=_CERTIFICATE_REGION,
            domain_name=domain,
            subject_alternative_names=[f"*.{domain}"],
            validation_method="DNS",
            opts=self.inside,
        )
        # The domain and its wildcard are validated by the same record.
        proof = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{self._name}-validation",
            zone_id=zone,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=_MINUTE,
            allow_overwrite=True,
            opts=self.inside,
        )
        return aws.acm.CertificateValidation(
            self._name,
            region=_CERTIFICATE_REGION,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=self.inside,
        ).certificate_arn
