"""Quotas of each user, as components take them."""

import attrs

_MEGABYTE = 1024 * 1024


@attrs.frozen(kw_only=True)
class Quotas:
    """Quotas of each user. `QuotaSettings` in `components/core/stage_settings.py` describes them."""

    projects: int = 20
    queued_deployments: int = 50
    pending_images: int = 100
    stored_images: int = 10_000
    stored_megabytes: int = 10_240
    promotions_per_minute: int = 10
    manual_deployments_per_hour: int = 30
    build_minutes_per_day: int = 600
    image_deletions_per_day: int = 500

    @property
    def stored_bytes(self) -> int:
        """Size of all images of a user, in bytes."""
        return self.stored_megabytes * _MEGABYTE
