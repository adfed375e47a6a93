"""The documents that are made from the code. `make reference` renews them; a stale one fails a test."""
