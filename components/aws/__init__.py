"""One module for each AWS service or resource, independent of what the stage deploys."""
