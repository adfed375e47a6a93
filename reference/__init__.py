"""Generators of documents. `make reference` writes them; a test fails if a document is out of date."""
