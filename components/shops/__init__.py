"""Storage of the shop import application."""
