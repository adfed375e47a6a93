"""The base of every provider: the registry and the resource types."""
