"""The command line of the platform's API: `python -m anchor`."""
