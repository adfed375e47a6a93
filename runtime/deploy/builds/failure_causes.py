"""The cause of a failed build, in one sentence, from the lines of its log.

CodeBuild only reports that a command has failed. The script of the buildspec prints a cause and what to do
(`==> FAILED:`, `==> What to do:`). If this cause refers to the lines above it, the cause that git, the
package manager or Next.js has printed there is used instead.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from runtime.deploy.builds.build_event import BuildEvent
from runtime.deploy.builds.site_log import select_site_lines
from runtime.deploy.model import Failure, Status

TAIL_LINES: Final = 40
_LINES_BEFORE_CAUSE: Final = 5
_MAX_LINE_LENGTH: Final = 500  # characters: 40 lines stay far below DynamoDB's item limit of 400 KB
_MAX_REASON_LENGTH: Final = 500
_NEXT_LINES: Final = 30  # lines after an error in which Node.js prints its cause
_LOCATION_LINES: Final = 40  # lines before an error of ESLint in which it prints the name of the file

_COLORS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_STEP: Final = re.compile(r"steps\.sh\"? (\w+)")
_CAUSE, _ADVICE = "==> FAILED: ", "==> What to do: "
_REFERENCE: Final = re.compile(r" \([^()]* (?:is|are) above\)")
_STEP_NAMES: Final = {"open_next_build": "build", "check_tools": "tools"}
# OpenNext ends with this error and a stack trace of its own if the command of the build has failed.
_OPEN_NEXT_TRACE: Final = re.compile(r"Error: Command failed: ")
_NODE_POSITION: Final = re.compile(r"node:internal/\S+:\d+")
_TRACE_HEAD: Final = 4  # lines from the position in Node.js to its error

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
    (re.compile(r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([^\s,\]]+)"), "the host {0} cannot be found"),
    (re.compile(r"connect (?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH) ([^\s,\]]+)"), "{0} cannot be reached"),
)
# What V8, Rust, Linux, npm, yarn, pnpm and Next.js print if a process had too little memory.
_OUT_OF_MEMORY: Final = re.compile(
    r"heap out of memory|Reached heap limit|ERR_WORKER_OUT_OF_MEMORY|reaching memory limit|"
    r"memory allocation of \d+ bytes failed|\bENOMEM\b|Cannot allocate memory|\bstd::bad_alloc\b|"
    r"^Killed$|\bSIGKILL\b|exit(?:ed with)?(?: code| status)?:? 137\b|code 137\b"
)
_OUT_OF_MEMORY_REASON: Final = "the build ran out of memory"
_OUT_OF_MEMORY_ADVICE: Final = (
    "Reduce the memory that the build needs, or ask the operator of the platform to set a larger "
    "buildComputeType for the site."
)
_DISK_FULL: Final = re.compile(r"\bENOSPC\b|No space left on device")
_TIME_LIMIT_ADVICE: Final = (
    "The last lines show what the build was doing. A larger buildComputeType, which the operator of the "
    "platform can set for the site, makes a build faster."
)

_LOCATION: Final = re.compile(r"\.{0,2}/?[\w@()\[\]./-]+\.[cm]?[jt]sx?(?::\d+(?::\d+)?)?")
_ERROR: Final = re.compile(r"(?:Uncaught )?(?:Error|[A-Z]\w*Error)\b.*")
_CLEAR_ERROR: Final = re.compile(
    r"(?:Type error|Syntax error|Module not found)\b.*|.*\berror TS\d+: .*|\[?Error: Failed to collect .*|"
    r"Error occurred prerendering .*|Error: (?:Turbopack build failed|Build failed).*|> Build error occurred"
)
_ANNOUNCEMENT: Final = "> Build error occurred"
_LINT_ERROR: Final = re.compile(r"(\d+:\d+)  Error: (.+)")
_MARKED_ERROR: Final = re.compile(r"(?:\u2a2f|\u2718 \[ERROR\]) (.+)")
_HEADLINE: Final = re.compile(r"Error: (?:Turbopack build failed|Build failed).*")
_PRERENDERING: Final = re.compile(r'Error occurred prerendering page "(.+?)"')
_COLLECTING: Final = re.compile(r"\[?Error: Failed to collect (?:configuration|page data) for ([^\s\]]+)")
_NESTED_CAUSE: Final = re.compile(r"\[cause\]: (.+?)(?: \{)?")
_PACKAGE_ERROR: Final = re.compile(
    r"(?:npm (?:error|ERR!)|ERR_PNPM\w*|error:?|Error:|.*YN\d{4}: .*Error)\s*(.*)|"
    # The codes of errors of Yarn. Most other codes are notices.
    r".*YN(?:0001|0009|0018|0028|0035|0041|0081|0082): [\u2502\u2514\u250c ]*(.*)"
)
_REGISTRY_REQUEST: Final = re.compile(r"request to https?://|registry|FETCH|RequestError|GET https?://")
_LOCK_DIFFERENCE: Final = re.compile(r"(?:Missing|Invalid): .+")
_MAX_LOCK_DIFFERENCES: Final = 3
_NOISE: Final = re.compile(r"code \w+$|A complete log of this run|errno |syscall |command |path |[+-]|@@ ")


@frozen(kw_only=True)
class _Cause:
    """The cause that a tool has printed.

    Attributes:
        line: Number of the line that names the cause.
    """

    reason: str
    line: int
    advice: str | None = None


def explain_failure(event: BuildEvent, messages: Sequence[str]) -> Failure | None:
    """Return the failure of a build: the step, the cause, the advice and lines of the site's log.

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
    own = _remove_open_next_trace([line for line in lines if not line.startswith((_CAUSE, _ADVICE))])
    command = _STEP.search(event.reason)
    if command is None:
        return _explain_end(event, messages, own)
    step = _STEP_NAMES.get(command[1], command[1])
    cause = _find_resource_cause([*own, event.reason])
    if cause is None and (not told or _REFERENCE.search(told[-1])):
        cause = _find_exact_cause(step, own)
    reason = _REFERENCE.sub("", told[-1]).rstrip(".") if told else f"{step} failed"
    return _make_failure(step, cause or _Cause(reason=reason, line=len(own)), own, advice[-1:])


def _explain_end(event: BuildEvent, messages: Sequence[str], own: Sequence[str]) -> Failure:
    """Return the failure of a build that did not end with a failed step."""
    if event.minutes is None:
        return _make_failure(event.step, _Cause(reason=event.reason, line=len(own)), own, ())
    started = [match[1] for text in messages for match in _STEP.finditer(text)]
    step = _STEP_NAMES.get(started[-1], started[-1]) if started else event.step
    reason = f"the build exceeded its time limit of {event.minutes} minutes"
    return _make_failure(step, _Cause(reason=reason, line=len(own), advice=_TIME_LIMIT_ADVICE), own, ())


def _make_failure(step: str, cause: _Cause, lines: Sequence[str], advice: Sequence[str]) -> Failure:
    """Return a failure whose lines contain the cause: the last lines, or earlier ones if it is earlier."""
    start = max(0, min(len(lines) - TAIL_LINES, cause.line - _LINES_BEFORE_CAUSE))
    told = cause.advice or next(iter(advice), None)
    return Failure(
        step=step,
        reason=cause.reason[:_MAX_REASON_LENGTH],
        advice=told[:_MAX_REASON_LENGTH] if told else None,
        log_tail=tuple(lines[start : start + TAIL_LINES]),
    )


def _remove_open_next_trace(lines: Sequence[str]) -> list[str]:
    """Return the lines without the stack trace with which OpenNext reports a failed command."""
    for number, line in enumerate(lines):
        if _OPEN_NEXT_TRACE.match(line):
            for start in range(max(0, number - _TRACE_HEAD), number):
                if _NODE_POSITION.fullmatch(lines[start]):
                    return list(lines[:start])
    return list(lines)


def _find_resource_cause(lines: Sequence[str]) -> _Cause | None:
    for number, line in enumerate(lines):
        if _OUT_OF_MEMORY.search(line.strip()):
            return _Cause(reason=_OUT_OF_MEMORY_REASON, line=number, advice=_OUT_OF_MEMORY_ADVICE)
        if _DISK_FULL.search(line):
            return _Cause(reason="the disk of the build machine is full", line=number)
    return None


def _find_exact_cause(step: str, lines: Sequence[str]) -> _Cause | None:
    """Return the cause that a tool of this step has printed, or None."""
    match step:
        case "checkout":
            causes = (
                _Cause(reason=reason, line=number)
                for number, line in enumerate(lines)
                if (reason := _find_known_cause(line, _GIT_CAUSES))
            )
            return next(causes, None)
        case "dependencies":
            return _find_package_error(lines)
        case "build":
            return next(_find_build_errors(lines, clear=True), None) or next(
                _find_build_errors(lines, clear=False), None
            )
        case _:
            return None


def _find_known_cause(line: str, causes: Sequence[tuple[re.Pattern[str], str]]) -> str | None:
    for pattern, sentence in causes:
        if found := pattern.search(line):
            return sentence.format(next(group for group in found.groups() if group))
    return None


def _find_package_error(lines: Sequence[str]) -> _Cause | None:
    found = [
        (number, match[1] or match[2] or "")
        for number, line in enumerate(lines)
        if (match := _PACKAGE_ERROR.fullmatch(line.strip()))
    ]
    for number, text in found:
        if cause := _find_known_cause(text, _NETWORK_CAUSES):
            is_registry = _REGISTRY_REQUEST.search(lines[number])
            whose = (
                "the package registry cannot be reached" if is_registry else "a script of a package failed"
            )
            return _Cause(reason=f"{whose}: {cause}", line=number)
    for number, text in found:
        if text and not _NOISE.match(text):
            # After its first sentence, npm lists the packages that the lock file lacks, and prints a long
            # help text.
            others = [each for _, each in found if each != text and _LOCK_DIFFERENCE.fullmatch(each)]
            return _Cause(reason=" ".join((text, *others[:_MAX_LOCK_DIFFERENCES])), line=number)
    return None


def _find_build_errors(lines: Sequence[str], *, clear: bool) -> Iterator[_Cause]:
    """Yield the errors of Next.js and of the site's code.

    Args:
        lines: Lines of the build.
        clear: Whether only errors are wanted that always end a build. The code of a site can print other
            errors without a consequence.
    """
    for number, line in enumerate(lines):
        text = line.strip()
        if clear and (lint := _LINT_ERROR.fullmatch(text)):
            above = lines[max(0, number - _LOCATION_LINES) : number]
            files = [each.strip() for each in above if _LOCATION.fullmatch(each.strip())]
            yield _Cause(reason=":".join((*files[-1:], f"{lint[1]}: {lint[2]}")), line=number)
        elif clear and _CLEAR_ERROR.fullmatch(text):
            yield _Cause(reason=_describe_build_error(lines, number), line=number)
        elif not clear and (marked := _MARKED_ERROR.fullmatch(text)):
            yield _Cause(reason=marked[1], line=number)
        elif not clear and _ERROR.fullmatch(text):
            yield _Cause(reason=_describe_build_error(lines, number), line=number)


def _describe_build_error(lines: Sequence[str], number: int) -> str:
    """Return the error in this line, with its file, its page, or the cause that follows it."""
    if lines[number].strip() == _ANNOUNCEMENT and number + 1 < len(lines):
        return _describe_build_error(lines, number + 1)
    text, following = lines[number].strip(), lines[number + 1 : number + _NEXT_LINES]
    if "fetch failed" in text:
        causes = (_find_known_cause(each, _NETWORK_CAUSES) for each in following)
        if cause := next((each for each in causes if each), None):
            return f"a request of the site failed: {cause}"
    if page := _PRERENDERING.match(text):
        cause = next(_find_build_errors(following, clear=False), None)
        return f"page {page[1]} cannot be prerendered: {cause.reason if cause else 'see the log'}"
    if route := _COLLECTING.match(text):
        # Next.js 16 prints the cause below this error, and Next.js 15 above it.
        nested = (match[1] for each in following if (match := _NESTED_CAUSE.fullmatch(each.strip())))
        above = lines[max(0, number - _NEXT_LINES) : number]
        earlier = (each.strip() for each in reversed(above) if _ERROR.fullmatch(each.strip()))
        cause = next(nested, None) or next(earlier, "see the log")
        return f"the data of {route[1]} cannot be collected: {cause}"
    if _HEADLINE.fullmatch(text):
        return ": ".join(each for line in following[:2] if (each := line.strip())) or text
    above = lines[number - 1].strip() if number else ""
    return f"{above}: {text}" if _LOCATION.fullmatch(above) else text
