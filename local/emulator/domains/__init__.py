"""Hooks for domain names: Route 53 zones, ACM certificates, and the hosts of distributions and APIs."""

from local.emulator.domains import certificates, hosts, zones
from local.emulator.domains.zones import HostedZones


def install_domain_hooks(hosted_zones: HostedZones) -> None:
    """Install all hooks of this folder."""
    hosted_zones.on_change = certificates.issue_validated_certificates
    zones.install_zone_hooks(hosted_zones)
    certificates.install_certificate_hooks()
    hosts.install_host_hooks(hosted_zones)
