"""Rules for every stage. The test suite and `pulumi preview` check them."""
