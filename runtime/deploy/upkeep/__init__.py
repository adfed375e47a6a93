"""What runs by the clock: what was lost is moved on, what is not kept is removed."""
