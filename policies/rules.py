"""All rules of the policy pack."""

from typing import Final

from policies import (
    dead_letters,
    encryption,
    logs,
    permissions,
    plain_secrets,
    production,
    public_access,
    routes,
    shared_caches,
    transport,
)
from policies.arguments import validation
from policies.graph import Rule

RULES: Final[tuple[Rule, ...]] = (
    *public_access.RULES,
    *encryption.RULES,
    *transport.RULES,
    *shared_caches.RULES,
    *permissions.RULES,
    *routes.RULES,
    *plain_secrets.RULES,
    *production.RULES,
    *logs.RULES,
    *dead_letters.RULES,
    *validation.RULES,
)
