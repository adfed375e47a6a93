"""Names of stages. A stage has the name of its Pulumi stack, and most resource names contain this name."""

import re
from typing import Final

MAX_STAGE_NAME_LENGTH: Final = 24
# The longest name in AWS is `anchor-<stage>-site-<site>-revalidate`, a function and a role with at most 64
# characters. So the names of the stage and of the site together have at most 40 characters.
MAX_STAGE_AND_SITE_LENGTH: Final = 40

# The words with which resource names begin, after the stage's prefix. The name of a stage must not contain
# such a word after a hyphen. Otherwise the function `api` of a stage `dev-images` would have the name
# `anchor-dev-images-api`, which is also the name of the function `images-api` of the stage `dev`. The role of
# a function of `dev` could use the resources of a stage `dev-site-a`.
RESERVED_WORDS: Final = frozenset(
    {
        "alarms",
        "api",
        "assets",
        "audit",
        "base",
        "build",
        "builds",
        "codebuild",
        "collect",
        "deployments",
        "edge",
        "hashed",
        "image",
        "images",
        "import",
        "jobs",
        "orchestrator",
        "pages",
        "platform",
        "presigned",
        "projects",
        "promote",
        "release",
        "releases",
        "secrets",
        "security",
        "shop",
        "shops",
        "signing",
        "site",
        "sweep",
        "users",
        "viewer",
        "webhook",
    }
)

_NAME: Final = re.compile(r"(?!.*--)[a-z](?:[a-z0-9-]*[a-z0-9])?")
_FORMAT: Final = (
    f"1 to {MAX_STAGE_NAME_LENGTH} of a-z, 0-9 and single hyphens; starts with a letter and does not end "
    "with a hyphen"
)


def find_name_problem(name: str) -> str | None:
    """Return one line about a name that no stage can have, or None for a valid name."""
    if len(name) > MAX_STAGE_NAME_LENGTH:
        return f"the stack {name!r} has a name with {len(name)} characters; allowed: {_FORMAT}"
    if not _NAME.fullmatch(name):
        return f"the stack {name!r} has a name that is not valid; allowed: {_FORMAT}"
    for word in name.split("-")[1:]:
        if word in RESERVED_WORDS:
            return (
                f"the stack {name!r} has the word {word!r} after a hyphen, so its resources could have the "
                f"same names as those of another stage; allowed: any word except "
                f"{', '.join(sorted(RESERVED_WORDS))}"
            )
    return None
