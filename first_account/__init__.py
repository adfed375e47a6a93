"""Checks of a stage after its first `pulumi up`. They check what no emulator can confirm, and only read."""
