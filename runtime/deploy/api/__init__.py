"""The API of the deploy platform for signed-in users."""
