"""Code that the functions of every service share."""
