"""Assembles a streamed page as the browser does it.

React sends the fallback of a `Suspense` boundary, and later its content with a script that replaces the
fallback. If the content is ready early enough, React sends it in its place. This depends on the time that a
read from a cache takes, so both forms are compared as the same page.
"""

import re
from typing import Final

# The content of a boundary, hidden at the end of the page, with the script that moves it to its place.
_SEGMENT: Final = re.compile(
    r'<div hidden id="(S:[0-9a-f]+)">(?P<content>(?:(?!<div hidden id="S:).)*?)</div>'
    r'<script[^>]*>(?:(?!</script>).)*?\$R[CR]\("(?P<boundary>B:[0-9a-f]+)","\1"[^<]*\)</script>',
    re.DOTALL,
)
_PENDING: Final = '<!--$?--><template id="{}"></template>'
_COMPLETE: Final = "<!--$-->"
_END: Final = "<!--/$-->"
_BOUNDARY: Final = re.compile(r"<!--(/?)\$[?!~]?-->")
# React measures when it has sent the first part of a streamed page.
_CLOCK: Final = re.compile(r"<script[^>]*>requestAnimationFrame\(function\(\)\{\$RT=[^<]*</script>")
_SCRIPT: Final = re.compile(r"<script\b[^>]*>.*?</script>", re.DOTALL)
# React moves these elements to the head of the page if they are ready early enough.
_METADATA: Final = re.compile(r"<title>.*?</title>|<(?:meta|link)\b[^>]*>", re.DOTALL)


def assemble(html: str) -> str:
    """Return a page with the content of all its boundaries in place.

    The scripts are at the end, in order, and then the sorted metadata. A text without scripts is not changed.
    """
    if not _SCRIPT.search(html):
        return html
    html = _CLOCK.sub("", html)
    while found := _SEGMENT.search(html):
        html = html[: found.start()] + html[found.end() :]
        html = _complete(html, found["boundary"], found["content"])
    page = _SCRIPT.sub("", html)
    scripts, metadata = _SCRIPT.findall(html), sorted(_METADATA.findall(page))
    return _METADATA.sub("", page) + "".join([*scripts, *metadata])


def _complete(html: str, boundary: str, content: str) -> str:
    """Replace the fallback of a boundary by its content."""
    pending = _PENDING.format(boundary)
    start = html.find(pending)
    if start < 0:
        return html
    depth = 1
    for found in _BOUNDARY.finditer(html, start + len(pending)):
        depth += -1 if found[1] else 1
        if depth == 0:
            return f"{html[:start]}{_COMPLETE}{content}{html[found.start() :]}"
    return html
