"""The storage of the shop importer."""
