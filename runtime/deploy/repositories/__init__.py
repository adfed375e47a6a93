"""Storage: one repository for each subject. Repositories read and write rows, and return models."""
