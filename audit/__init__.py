"""`make audit`: known vulnerabilities, secrets, policies and a bill of materials of what is deployed."""
