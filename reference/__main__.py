"""The command of `make reference`, which writes the generated documents."""

import sys

from reference.documents import DOCUMENTS, write_documents


def main() -> int:
    """Write the documents, print whether each document changed, and return the exit status."""
    changed = write_documents()
    for name in DOCUMENTS:
        sys.stdout.write(f"{name}: {'updated' if name in changed else 'unchanged'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
