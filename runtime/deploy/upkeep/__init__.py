"""Scheduled tasks. They recover deployments that do not progress, and remove releases no longer kept."""
