"""``make reference``: renews the documents that are made from the code."""

import sys

from reference.documents import DOCUMENTS, renew


def main() -> int:
    """Renew them and say which have changed."""
    changed = renew()
    for name in DOCUMENTS:
        sys.stdout.write(f"{name}: {'renewed' if name in changed else 'was up to date'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
