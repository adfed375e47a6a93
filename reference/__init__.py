"""Generators of documents. `make reference` writes them; a test fails if one is out of date."""
