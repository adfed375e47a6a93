"""The Pulumi engine of the embedded cloud: it runs the program and creates its resources."""
