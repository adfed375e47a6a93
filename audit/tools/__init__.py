"""Scripts that run in the virtual environment of `make audit`."""
