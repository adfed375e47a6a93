"""Command line for the platform's API: `python -m anchor`."""
