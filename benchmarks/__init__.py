"""What the design promises, measured as ratios within one run: `make bench`. No test asserts a time."""
