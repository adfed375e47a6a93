"""The cause of a failed build, in one sentence, from the lines of its log.

CodeBuild only reports that a command has failed. The script of the buildspec prints a cause and what to do
(`==> FAILED:`, `==> What to do:`). If git, the package manager or Next.js has printed a more exact cause,
that cause is used.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from runtime.deploy.builds.build_event import BuildEvent
from runtime.deploy.builds.site_log import select_site_lines
from runtime.deploy.model import Failure, Status

TAIL_LINES: Final = 40
_MAX_LINE_LENGTH: Final = 500  # characters: 40 lines stay far below DynamoDB's item limit of 400 KB
_MAX_REASON_LENGTH: Final = 500
_NEXT_LINES: Final = 30  # lines after "fetch failed" in which Node.js prints the network error

_COLORS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_STEP: Final = re.compile(r"steps\.sh\"? (\w+)")
_CAUSE, _ADVICE = "==> FAILED: ", "==> What to do: "
_REFERENCE: Final = re.compile(r" \([^()]* (?:is|are) above\)")
_STEP_NAMES: Final = {"open_next_build": "build", "check_tools": "tools"}

# The causes that git prints, with the sentence for the user.
_GIT_CAUSES: Final = (
    (re.compile(r"couldn't find remote ref refs/heads/(\S+)"), "branch '{0}' does not exist"),
    (re.compile(r"Remote branch (\S+) not found"), "branch '{0}' does not exist"),
    (re.compile(r"not our ref (\w+)|unadvertised object (\w+)"), "commit {0} does not exist"),
    (re.compile(r"Could not resolve host: (\S+)"), "the host {0} does not exist or cannot be reached"),
    (re.compile(r"repository '(\S+)' not found"), "the repository {0} does not exist or is private"),
    (
        re.compile(r"could not read Username for '(\S+)'"),
        "the repository at {0} does not exist or is private",
    ),
)
# Network errors of Node.js. In the step `build`, they come from the code of the site.
_NETWORK_CAUSES: Final = (
    (re.compile(r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([^\s,]+)"), "the host {0} cannot be found"),
    (re.compile(r"connect (?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH) ([^\s,]+)"), "{0} cannot be reached"),
)
_LOCATION: Final = re.compile(r"\.{0,2}/?[\w@()\[\]./-]+\.[cm]?[jt]sx?(?::\d+(?::\d+)?)?")
_BUILD_ERROR: Final = re.compile(
    r"(?:Type error|Syntax error|Module not found|Error|[A-Z]\w*Error)\b.*|.*\berror TS\d+: .*|\u2a2f .+"
)
_HEADLINE: Final = re.compile(r"Error: (?:Turbopack build failed|Build failed).*:?")
_PRERENDERING: Final = re.compile(r'Error occurred prerendering page "(.+?)"')
_PACKAGE_ERROR: Final = re.compile(
    r"(?:npm (?:error|ERR!)|ERR_PNPM\w*|error|Error:|.*YN\d{4}: .*Error)\s*(.*)"
)
_LOCK_DIFFERENCE: Final = re.compile(r"(?:Missing|Invalid): .+")
_MAX_LOCK_DIFFERENCES: Final = 3
_NOISE: Final = re.compile(r"code \w+$|A complete log of this run|errno |syscall ")


def explain_failure(event: BuildEvent, messages: Sequence[str]) -> Failure | None:
    """Return the failure of a build: the step, the cause, the advice and the site's own last lines.

    The result is None for a successful build.

    Args:
        event: The end of the build.
        messages: Last messages of the build log, oldest first.
    """
    if event.outcome is Status.BUILT:
        return None
    # The lines are cut first, because the repository decides their length, and the patterns are slow for
    # long lines.
    lines = [_COLORS.sub("", line[:_MAX_LINE_LENGTH]).rstrip() for line in select_site_lines(messages)[0]]
    told = [line.removeprefix(_CAUSE) for line in lines if line.startswith(_CAUSE)]
    advice = [line.removeprefix(_ADVICE) for line in lines if line.startswith(_ADVICE)]
    own = [line for line in lines if not line.startswith((_CAUSE, _ADVICE))]
    command = _STEP.search(event.reason)
    step, reason = event.step, event.reason
    if command:
        step = _STEP_NAMES.get(command[1], command[1])
        exact = _find_exact_cause(step, own)
        reason = exact or (_REFERENCE.sub("", told[-1]).rstrip(".") if told else f"{step} failed")
    return Failure(
        step=step,
        reason=reason[:_MAX_REASON_LENGTH],
        advice=advice[-1][:_MAX_REASON_LENGTH] if advice and command else None,
        log_tail=tuple(own[-TAIL_LINES:]),
    )


def _find_exact_cause(step: str, lines: Sequence[str]) -> str | None:
    """Return the cause that a tool of this step has printed, or None."""
    match step:
        case "checkout":
            causes = (_find_known_cause(line, _GIT_CAUSES) for line in lines)
            return next((cause for cause in causes if cause), None)
        case "dependencies":
            return _find_package_error(lines)
        case "build":
            return next(_find_build_errors(lines), None)
        case _:
            return None


def _find_known_cause(line: str, causes: Sequence[tuple[re.Pattern[str], str]]) -> str | None:
    for pattern, sentence in causes:
        if found := pattern.search(line):
            return sentence.format(next(group for group in found.groups() if group))
    return None


def _find_package_error(lines: Sequence[str]) -> str | None:
    found = [match[1] for line in lines if (match := _PACKAGE_ERROR.fullmatch(line))]
    for text in found:
        if cause := _find_known_cause(text, _NETWORK_CAUSES):
            return f"the package registry cannot be reached: {cause}"
    cause = next((text for text in found if text and not _NOISE.match(text)), None)
    # After its first sentence, npm lists the packages that the lock file lacks, and prints a long help text.
    differences = [text for text in found if text != cause and _LOCK_DIFFERENCE.fullmatch(text)]
    return " ".join((cause, *differences[:_MAX_LOCK_DIFFERENCES])) if cause else None


def _find_build_errors(lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        text = line.strip()
        if not _BUILD_ERROR.fullmatch(text):
            continue
        if "fetch failed" in text:
            causes = (
                _find_known_cause(each, _NETWORK_CAUSES) for each in lines[number : number + _NEXT_LINES]
            )
            if cause := next((each for each in causes if each), None):
                yield f"a request of the site failed: {cause}"
        if page := _PRERENDERING.match(text):
            cause = next(_find_build_errors(lines[number + 1 : number + _NEXT_LINES]), "see the log")
            text = f"page {page[1]} cannot be prerendered: {cause}"
        elif _HEADLINE.fullmatch(text):
            following = [each.strip() for each in lines[number + 1 : number + 3]]
            text = ": ".join(each for each in following if each) or text
        elif number and _LOCATION.fullmatch(lines[number - 1].strip()):
            text = f"{lines[number - 1].strip()}: {text}"
        yield text
