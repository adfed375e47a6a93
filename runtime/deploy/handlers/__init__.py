"""Entry points of the functions. Each one parses its event, calls one service, and maps the result."""
