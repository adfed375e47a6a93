"""Checks of a stage after its first `pulumi up`: what no emulator can confirm. They only read."""
