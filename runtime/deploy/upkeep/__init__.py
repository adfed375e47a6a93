"""Scheduled tasks. They recover stopped deployments, and remove releases that are no longer kept."""
