"""One module for each AWS service or resource. These modules do not depend on what a program deploys."""
