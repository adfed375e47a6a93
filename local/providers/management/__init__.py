"""Logs, alarms and dashboards: CloudWatch."""
