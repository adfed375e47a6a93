"""What is stored: one repository for each subject, rows in and models out."""
