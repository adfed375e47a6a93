"""EdgeDomain: the names under which a distribution answers, with their certificate and records (G2)."""

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.domain import AliasTarget, Certificate, CertificateArgs, alias_record
from components.core.component import Part
from components.core.stage import CLOUDFRONT_REGION, StageConfig


@attrs.frozen(kw_only=True)
class EdgeDomainArgs:
    """What the domain is made of.

    Attributes:
        stage: The stage it belongs to.
        host: The host, or with `wildcard` what its hosts have in common.
        zone: The id of its Route 53 zone. Without host and zone, a distribution has only its own name.
        wildcard: Whether the distribution answers to the hosts below `host`, not to `host` itself.
    """

    stage: StageConfig
    host: str | None
    zone: str | None
    wildcard: bool = False


class EdgeDomain(Part):
    """What a distribution is given of a domain, and what the domain is given of the distribution.

    Attributes:
        aliases: The names under which the distribution answers.
        viewer_certificate: The certificate it shows.
    """

    def __init__(self, name: str, args: EdgeDomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.stage, opts)
        self._name = name
        self._zone = args.zone
        self.aliases: tuple[str, ...] = ()
        self.viewer_certificate = aws.cloudfront.DistributionViewerCertificateArgs(
            cloudfront_default_certificate=True
        )
        if args.host and args.zone:
            self.aliases = (f"*.{args.host}" if args.wildcard else args.host,)
            certificate = Certificate(
                name,
                CertificateArgs(
                    stage=args.stage,
                    host=args.host,
                    zone=args.zone,
                    wildcard=args.wildcard,
                    region=CLOUDFRONT_REGION,
                ),
                self.inside,
            )
            self.viewer_certificate = aws.cloudfront.DistributionViewerCertificateArgs(
                acm_certificate_arn=certificate.arn,
                ssl_support_method="sni-only",
                minimum_protocol_version="TLSv1.2_2021",
            )

    def point_to(self, distribution: aws.cloudfront.Distribution) -> None:
        """Make the records that lead the aliases to the distribution, over IPv4 and IPv6."""
        target = AliasTarget(name=distribution.domain_name, zone=distribution.hosted_zone_id)
        for host in self.aliases:
            for kind in ("A", "AAAA"):
                alias_record(self._name, host, self._zone or "", target, self.inside, kind=kind)
