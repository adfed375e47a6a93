"""Pulumi components of a stage. Code that runs in Lambda is in `runtime`."""
