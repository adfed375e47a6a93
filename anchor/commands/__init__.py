"""The commands of the command line, in a module for each subject."""
