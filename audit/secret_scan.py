"""Secrets in the files of the repository, according to detect-secrets.

`allowed_secrets.toml` lists the findings that are no secrets, each with the reason.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from audit.model import CheckResult, RunTool, build_result, build_unchecked_result

ALLOWED: Final = Path(__file__).with_name("allowed_secrets.toml")
# Lines without secrets that detect-secrets would report, as regular expressions.
PUBLIC_LINES: Final = {
    "--hash=sha256:": "hashes in the locks of Python packages",
    '"?integrity"?: "?sha512-': "hashes in the locks of npm packages",
    r"^[^ ]+ v[^ ]+ h1:": "hashes in go.sum",
    r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:\d{12}:": "ARNs",
    "anchor-[a-z]+-123456789012-": "names of buckets",
}
# Files without secrets in which detect-secrets would report most lines.
PUBLIC_FILES: Final = {
    r"^audit/allowed_secrets\.toml$": "digests of the allowed findings",
    r"^tests/conformance/result\.json$": "hashes of the sources of sites",
}


@frozen(order=True)
class Finding:
    """A possible secret.

    Attributes:
        file: The path of the file in the repository.
        digest: SHA-1 of the possible secret, as detect-secrets computes it.
        kind: The kind of secret.
        line: The number of the line.
    """

    file: str
    digest: str
    kind: str = ""
    line: int = 0


def check_secrets(
    root: Path, detect_secrets: Path, run: RunTool, allowed: Mapping[tuple[str, str], str]
) -> CheckResult:
    """Return the possible secrets in the files that git tracks, and the allowed ones that no longer exist.

    Args:
        root: The folder of the repository.
        detect_secrets: The command.
        run: Runs commands.
        allowed: The reason for each allowed file and digest.
    """
    name = "Secrets in the repository"
    lines = [f"--exclude-lines={line}" for line in PUBLIC_LINES]
    files = [f"--exclude-files={file}" for file in PUBLIC_FILES]
    output = run((str(detect_secrets), "scan", *lines, *files), root, "")
    try:
        found = parse_findings(output.stdout)
    except (ValueError, KeyError, TypeError):
        return build_unchecked_result(name, output.describe_failure())
    unknown = [each for each in found if (each.file, each.digest) not in allowed]
    lines = [
        f"{each.file}:{each.line}: {each.kind}. If this is no secret, add {each.digest} to {ALLOWED.name}"
        for each in unknown
    ]
    gone = allowed.keys() - {(each.file, each.digest) for each in found}
    lines += [
        f"{file}: {digest} no longer exists: remove it from {ALLOWED.name}" for file, digest in sorted(gone)
    ]
    return build_result(name, f"{len(found) - len(unknown)} allowed findings", lines)


def parse_findings(stdout: str) -> list[Finding]:
    """Return the findings in the output of detect-secrets, sorted.

    Raises:
        ValueError, KeyError: The output is not a report.
    """
    results: Mapping[str, list[dict[str, Any]]] = json.loads(stdout)["results"]
    return sorted(
        Finding(file, each["hashed_secret"], each["type"], each["line_number"])
        for file, found in results.items()
        for each in found
    )


def read_allowed_secrets(text: str) -> dict[tuple[str, str], str]:
    """Return the reason for each allowed file and digest.

    Raises:
        ValueError: An entry has no reason, or a digest is listed twice.
    """
    reasons: dict[tuple[str, str], str] = {}
    for entry in tomllib.loads(text)["allowed"]:
        if not entry.get("reason"):
            raise ValueError(f"{ALLOWED.name}: the entry {entry} has no reason")
        for file, digests in entry["files"].items():
            for digest in digests:
                if (file, digest) in reasons:
                    raise ValueError(f"{ALLOWED.name}: {digest} of {file} is listed twice")
                reasons[file, digest] = entry["reason"]
    return reasons
