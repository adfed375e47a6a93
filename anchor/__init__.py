"""Command line for the platform's API: `anchor`."""
