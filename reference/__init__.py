"""Generators of documents. `make reference` writes the documents. A test fails if one is out of date."""
