"""What every provider is based on: the registry, and the types of resources."""
