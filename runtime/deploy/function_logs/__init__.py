"""The logs that the functions of sites write in Lambda."""
