"""Releases: from a build's artifact to what visitors get, and the removal of old releases."""
