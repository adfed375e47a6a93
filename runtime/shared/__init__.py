"""What functions have in common, whatever they are for."""
