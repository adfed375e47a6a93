"""The real Pulumi engine on the embedded AWS: its command line, a provider server and a language host."""
