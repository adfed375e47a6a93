"""The embedded cloud: an emulated AWS on one machine, to which `make up` deploys the program."""
