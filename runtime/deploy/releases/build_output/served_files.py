"""The files that visitors can request from a site, and which of them the bucket may answer.

Next.js looks for a file only after it has applied some rules of the site: middleware, headers, redirects and
rewrites of the phase `beforeFiles`. So the server answers requests for files to which such a rule applies.
The bucket answers requests for all other files.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from attrs import frozen

from runtime.deploy.releases.build_output.shared_cache import SharedCacheRules

HASHED_FOLDER: Final = "_next/static/"
"""Folder of the files whose names contain a hash of their content."""

FILES: Final = "anchor-files.json"
"""File with the build's `ServedFiles`, which the wrapper reads."""

_PROGRAM: Final = Path(__file__).with_name("path_matching.py")
_MATCHING_SECONDS: Final = 10
# The characters that JavaScript's encodeURI does not encode and that `quote` would encode.
_UNENCODED: Final = ";,/?:@&=+$!*'()#"


@frozen(kw_only=True)
class ServedFiles:
    """The files of a build.

    Attributes:
        public: Names of the public files, such as `images/a b.png`. A request for one has this path below the
            site's base path.
        direct: Names of the files that the bucket may answer. Hashed files are first, then the public files,
            those in the fewest folders first.
        default_locale: The locale that can be in front of the path of a public file. Next.js ignores it.
    """

    public: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()
    default_locale: str = ""

    def to_json(self, base_path: str) -> bytes:
        """Return the content of the wrapper's file `anchor-files.json`."""
        document = {"basePath": base_path, "defaultLocale": self.default_locale, "public": self.public}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def encode_path(path: str) -> str:
    """Return a decoded path as JavaScript's `encodeURI` encodes it."""
    return quote(path, safe=_UNENCODED)


def find_served_files(names: Iterable[str], rules: SharedCacheRules, *, asset_prefix: str) -> ServedFiles:
    """Return the files of a build.

    Args:
        names: The names of the files, relative to the site's base path.
        rules: The build's rules.
        asset_prefix: The path in front of `/_next/static`, in addition to the base path.
    """
    known = [name for name in names if name.startswith(HASHED_FOLDER) or not name.startswith("_next/")]
    forms = [list(_list_forms(name, rules, asset_prefix)) for name in known]
    matched = find_matching_paths(rules.before_files, forms)
    direct = (name for position, name in enumerate(known) if position not in matched)
    return ServedFiles(
        public=tuple(name for name in known if not name.startswith("_next/")),
        direct=tuple(sorted(direct, key=_get_priority)),
        default_locale=rules.default_locale,
    )


def find_matching_paths(expressions: Sequence[str], paths: Sequence[Sequence[str]]) -> frozenset[int]:
    """Return the positions of the paths that match one of a build's expressions.

    If the expressions take too much time, every path counts as matching. The site then works, but slower.

    Args:
        expressions: Sources of JavaScript expressions. They are not trusted.
        paths: The forms of each path, such as encoded and decoded.
    """
    if not expressions or not paths:
        return frozenset()
    request = json.dumps({"expressions": expressions, "paths": paths})
    try:
        process = subprocess.run(  # noqa: S603 - the program and its arguments are fixed
            [sys.executable, "-I", "-S", str(_PROGRAM)],
            input=request.encode(),
            env={},
            capture_output=True,
            timeout=_MATCHING_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError:
        return frozenset(range(len(paths)))
    return frozenset(json.loads(process.stdout))


def must_ask_about_images(rules: SharedCacheRules) -> bool:
    """Return whether the image function must ask the server, because it cannot apply a rule of the site."""
    path = f"{rules.base_path}/_next/image"
    return bool(find_matching_paths(rules.before_images, [(path, f"{path}/")]))


def describe_costly_middleware(rules: SharedCacheRules) -> str | None:
    """Return a warning if middleware applies to hashed files or optimized images, or None."""
    images = f"{rules.base_path}/_next/image"
    paths = {
        "hashed files (/_next/static)": [f"{rules.base_path}/{HASHED_FOLDER}chunks/main.js"],
        "optimized images (/_next/image)": [images, f"{images}/"],
    }
    matched = find_matching_paths(rules.middleware, list(paths.values()))
    kinds = [kind for position, kind in enumerate(paths) if position in matched]
    if not kinds:
        return None
    return (
        f"middleware applies to {' and '.join(kinds)}: each request for one invokes the site's functions, "
        "and CloudFront keeps none of them. If this is not intended, exclude them with the matcher of the "
        "documentation of Next.js: "
        "'/((?!api|_next/static|_next/image|favicon.ico|sitemap.xml|robots.txt).*)'"
    )


def _list_forms(name: str, rules: SharedCacheRules, asset_prefix: str) -> Iterator[str]:
    """Yield every path of a file that a rule can match: encoded or decoded, with each prefix or without."""
    path = f"/{name}"
    prefixes = dict.fromkeys((rules.base_path, "", asset_prefix if name.startswith(HASHED_FOLDER) else ""))
    for form in dict.fromkeys((path, encode_path(path), quote(path))):
        for prefix in prefixes:
            yield f"{prefix}{form}"
            for locale in rules.locales:
                yield f"/{locale}{prefix}{form}"
                if prefix:
                    yield f"{prefix}/{locale}{form}"


def _get_priority(name: str) -> tuple[bool, int, str]:
    return not name.startswith(HASHED_FOLDER), name.count("/"), name
