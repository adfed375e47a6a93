"""DistributionDomain: custom host names of a distribution, with certificate and DNS records."""

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.domain import AliasTarget, Certificate, CertificateArgs, create_alias_record
from components.core.component import Part
from components.core.scope import CLOUDFRONT_REGION, ResourceScope


@attrs.frozen(kw_only=True)
class DistributionDomainArgs:
    """Arguments of `DistributionDomain`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        host: Host name, or the parent domain of the hosts if `wildcard` is set.
        zone_id: Id of the Route 53 zone. If the host or the zone is None, there is no custom host name.
        wildcard: Whether the distribution serves the subdomains of `host` instead of `host` itself.
    """

    scope: ResourceScope
    host: str | None
    zone_id: str | None
    wildcard: bool = False


class DistributionDomain(Part):
    """The certificate and the DNS records of a distribution.

    Attributes:
        aliases: Custom host names of the distribution, or empty.
        viewer_certificate: Certificate for viewers. Without custom host names, CloudFront's own certificate.
    """

    def __init__(
        self, name: str, args: DistributionDomainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(args.scope, opts)
        self._name = name
        self._zone_id = args.zone_id
        self.aliases: tuple[str, ...] = ()
        self.viewer_certificate = aws.cloudfront.DistributionViewerCertificateArgs(
            cloudfront_default_certificate=True
        )
        if args.host and args.zone_id:
            self.aliases = (f"*.{args.host}" if args.wildcard else args.host,)
            certificate = Certificate(
                name,
                CertificateArgs(
                    scope=args.scope,
                    host=args.host,
                    zone_id=args.zone_id,
                    wildcard=args.wildcard,
                    region=CLOUDFRONT_REGION,
                ),
                self.child_opts,
            )
            self.viewer_certificate = aws.cloudfront.DistributionViewerCertificateArgs(
                acm_certificate_arn=certificate.arn,
                ssl_support_method="sni-only",
                minimum_protocol_version="TLSv1.2_2021",
            )

    def create_alias_records(self, distribution: aws.cloudfront.Distribution) -> None:
        """Create the A and AAAA records that point the aliases to the distribution."""
        target = AliasTarget(name=distribution.domain_name, zone_id=distribution.hosted_zone_id)
        for host in self.aliases:
            for kind in ("A", "AAAA"):
                create_alias_record(self._name, host, self._zone_id or "", target, self.child_opts, kind=kind)
