"""From a push to the end of its build."""
