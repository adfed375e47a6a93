"""What must hold of every stage, as rules: the test suite runs them, and so does `pulumi preview`."""
