"""Reads a list of IAM policies as JSON, and writes parliament's findings for each of them as JSON.

This script runs in the virtual environment of `make audit`.
"""
# pyright: reportMissingImports=false

import json
import sys

from parliament import analyze_policy_string, enhance_finding


def main() -> None:
    """Write the findings for the policies of the standard input."""
    findings = [
        [
            {"issue": finding.issue, "detail": str(finding.detail)}
            for finding in map(enhance_finding, analyze_policy_string(policy).findings)
        ]
        for policy in json.load(sys.stdin)
    ]
    json.dump(findings, sys.stdout)


if __name__ == "__main__":
    main()
