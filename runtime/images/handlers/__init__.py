"""Entry points of the functions: parse the event, call one service function, map the result."""
