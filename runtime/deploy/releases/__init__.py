"""From the artifact of a build to what visitors get, and what becomes of it."""
