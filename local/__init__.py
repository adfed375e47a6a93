"""The embedded cloud: the whole platform on one machine, without AWS."""
