"""One Next.js site: its functions, its build project and its tag table."""
