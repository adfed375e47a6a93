"""The code that runs in Lambda. It is packaged as a whole, and never imports the Pulumi program."""
