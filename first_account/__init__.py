"""Checks of a stage after its first `pulumi up`. They read from AWS what no emulator can confirm."""
