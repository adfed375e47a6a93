"""Quotas of users and limits of functions."""
