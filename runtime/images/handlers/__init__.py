"""Entry points of the functions: parse, call one service function, map the result."""
