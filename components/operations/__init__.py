"""Alarms, alert topics and the dashboard."""
