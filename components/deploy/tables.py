"""The designs of the deploy platform's tables (T5, T6), and of its sites' tables of cache tags."""

from typing import Final

from components.aws.table_design import Attribute, Index, Key, TableDesign, TableShape

_USER_ID: Final = Key("userId")
_ULID: Final = "01JD3Q4Z6W8XN5T7V9YB2C4D6F"
_BUILD: Final = "01JD3Q5B7Y9ZP6V8X0ZD4E6F8H"
_USER: Final = "7f1c2a9e-51d4-4c3b-9a57-0a6c1f0c8e21"
_TIME: Final = "2026-01-31T09:30:00.000Z"

PROJECTS: Final = TableDesign(
    # One partition holds what belongs to one project: its METADATA row and the webhook deliveries it has had.
    # `SITE#<site>` partitions say what Pulumi made for a site and which project claimed it. `BUILDS` says
    # which builds of the stage run and which wait for room.
    purpose=(
        "Projects, the webhook deliveries each has had, what the program declared for each site, and which "
        "builds run and wait."
    ),
    partition=Key("projectId"),
    sort=Key("sk"),
    query=f"projectId = '{_ULID}' AND sk = 'METADATA'",
    indexes=(
        Index(
            name="UserIdIndex",
            partition=_USER_ID,
            sort=Key("createdAt"),
            why="the projects of a user, by creation time",
            query=f"userId = '{_USER}', newest first",
        ),
    ),
    tenant="userId",
    expires="expiresAt",
    attributes=(
        Attribute(
            "projectId",
            "S",
            "the project's ULID; in the rows of a site `SITE#<site>`; in those of what builds `BUILDS`",
            _ULID,
        ),
        Attribute(
            "sk",
            "S",
            "what the row is: `METADATA` a project, `DELIVERY#<hash of the body>` a webhook delivery, `SITE` "
            "what was declared for a site, `CLAIM` which project has it, `RUNNING` which builds run, "
            "`WAITING#<deployment>` one that waits for room, `STARTED#<user>` when a user's last one started "
            "and `FULL` when CodeBuild last had no room",
            "METADATA",
        ),
        Attribute(
            "userId",
            "S",
            "whose project it is, or whose build waits: the subject of the user's tokens",
            _USER,
        ),
        Attribute("name", "S", "the project's name, 3 to 50 characters", "Shop"),
        Attribute("site", "S", "the declared site that the project is bound to", "next-site"),
        Attribute("repositoryUrl", "S", "where its code is", "https://github.com/acme/shop"),
        Attribute("branch", "S", "pushes to it are deployed", "main"),
        Attribute("createdAt", "S", "when the project was made", _TIME),
        Attribute("updatedAt", "S", "when a person last changed it", _TIME),
        Attribute("deletingAt", "S", "when its deletion began; nothing changes it any more", _TIME),
        Attribute("webhookVersion", "N", "raised to make a new webhook secret", "1"),
        Attribute("sequence", "N", "the number of the newest deployment; 0 before the first", "42"),
        Attribute(
            "variables",
            "L",
            "environment variables: maps of `name`, `isSecret` and `value`, or of a secret's `secretSize`",
            '[{"name": "API_URL", "isSecret": false, "value": "https://api.example.com"}]',
        ),
        Attribute("variablesVersion", "N", "how often the variables were replaced", "3"),
        Attribute("activeBuild", "S", "the deployment that holds the one build slot", _BUILD),
        Attribute(
            "live",
            "M",
            "the release that the site's host leads to: `deploymentId` and `sequence`",
            f'{{"deploymentId": "{_BUILD}", "sequence": 42}}',
        ),
        Attribute("serving", "S", "the deployment whose status is `live`", _BUILD),
        Attribute("pinned", "BOOL", "whether automatic releases leave a promoted one in place", "false"),
        Attribute("deploymentId", "S", "in a delivery's row: the deployment it made", _BUILD),
        Attribute(
            "expiresAt",
            "N",
            "in the rows of a delivery, of a build's start and of a full CodeBuild: when it is forgotten, "
            "Unix seconds",
            "1772443800",
        ),
        Attribute(
            "running",
            "SS",
            "in the `RUNNING` row: the builds that run, each one `<deployment>#<project>#<user>`",
            f"{_BUILD}#{_ULID}#{_USER}",
        ),
        Attribute("waitingProject", "S", "in a `WAITING#` row: the deployment's project", _ULID),
        Attribute("waitingSince", "S", "in a `WAITING#` row: since when it waits", _TIME),
        Attribute("startedAt", "S", "in a `STARTED#` row: when the user's last build started", _TIME),
        Attribute(
            "startedBefore",
            "S",
            "in a `STARTED#` row: when the one before it started, should CodeBuild have no room for the last",
            _TIME,
        ),
        Attribute("fullWith", "N", "in the `FULL` row: how many builds of the stage ran then", "3"),
        Attribute("fullAt", "S", "in the `FULL` row: when that was", _TIME),
        Attribute("claimedBy", "S", "in a site's CLAIM row: the project that has it", _ULID),
        Attribute("host", "S", "in a site's row: the host it is served under", "next-site.sites.example.com"),
        Attribute("urlPattern", "S", "in a site's row: how a host of it becomes a URL", "https://{host}"),
        Attribute(
            "serverFunction", "S", "in a site's row: renders pages", "anchor-dev-site-next-site-server"
        ),
        Attribute(
            "imageFunction", "S", "in a site's row: optimises images", "anchor-dev-site-next-site-image"
        ),
        Attribute(
            "revalidationFunction",
            "S",
            "in a site's row: renders pages again before they are asked for",
            "anchor-dev-site-next-site-revalidate",
        ),
        Attribute(
            "tagTable", "S", "in a site's row: its table of cache tags", "anchor-dev-site-next-site-tags"
        ),
        Attribute(
            "revalidationQueueUrl",
            "S",
            "in a site's row: where pages wait to be rendered again",
            "https://sqs.<region>.amazonaws.com/<account>/anchor-dev-site-next-site-revalidate.fifo",
        ),
        Attribute(
            "buildProject", "S", "in a site's row: its CodeBuild project", "anchor-dev-site-next-site-build"
        ),
        Attribute(
            "secretsPath",
            "S",
            "in a site's row: the folder of its secrets in the parameter store",
            "/anchor/dev/sites/next-site",
        ),
    ),
)

DEPLOYMENTS: Final = TableDesign(
    purpose="Deployments: one row for each push or manual start, from the queue to the visitors.",
    # A deployment's id is a ULID, so the sort key alone lists newest first.
    partition=Key("projectId"),
    sort=Key("deploymentId"),
    query=f"projectId = '{_ULID}', newest first",
    indexes=(
        Index(
            name="DeploymentIdIndex",
            partition=Key("deploymentId"),
            why="one deployment, by the id alone that its URL carries",
            query=f"deploymentId = '{_BUILD}'",
        ),
        Index(
            name="UserIdIndex",
            partition=_USER_ID,
            sort=Key("deploymentId"),
            why="the deployments of a user over all projects, newest first",
            query=f"userId = '{_USER}', newest first",
        ),
        Index(
            name="LeaseIndex",
            partition=Key("lease"),
            sort=Key("leaseUntil", "N"),
            projection="KEYS_ONLY",
            why="deployments of all projects that are under way, those first that stand still for longest",
            query="lease = 'ACTIVE#0' AND leaseUntil <= 1769851800",
        ),
        Index(
            name="HeldIndex",
            partition=Key("held"),
            sort=Key("deploymentId"),
            projection=("collectedAt", "status"),
            why="whatever of all projects still has functions, keys or files, oldest first",
            query="held = 'RELEASE'",
        ),
    ),
    tenant="userId",
    expires="expiresAt",
    attributes=(
        Attribute("projectId", "S", "the project it is a deployment of", _ULID),
        Attribute("deploymentId", "S", "its ULID: sorts by creation time", _BUILD),
        Attribute("userId", "S", "whose project it is: the subject of the user's tokens", _USER),
        Attribute("site", "S", "the site it is for", "next-site"),
        Attribute("sequence", "N", "its number in the project; the higher one wins", "42"),
        Attribute(
            "status",
            "S",
            "`queued`, `building`, `built`, `deploying`, `live`, `retired`, `failed`, `cancelled` or "
            "`superseded`",
            "live",
        ),
        Attribute("branch", "S", "the branch that was pushed to", "main"),
        Attribute("commitSha", "S", "the commit, 40 hex digits", "3f2a9c1d5b7e8f60123456789abcdef012345678"),
        Attribute("commitMessage", "S", "its message", "Fix the basket"),
        Attribute("commitAuthor", "S", "its author's name", "Ada"),
        Attribute("source", "S", "what asked for it: `push` or `manual`", "push"),
        Attribute("createdAt", "S", "when it was queued", _TIME),
        Attribute("updatedAt", "S", "when its status last changed", _TIME),
        Attribute("buildId", "S", "CodeBuild's id of its build", "anchor-dev-site-next-site-build:7d0c..."),
        Attribute(
            "waitingSince",
            "S",
            "where it had to wait for its turn to build: since when, or the one whose place it took",
            _TIME,
        ),
        Attribute(
            "release",
            "M",
            "what it became: `alias`, versions and origins of server and image function, `host` and `url`",
            '{"alias": "r-01jd3q5b...", "serverVersion": "7", "url": "https://..."}',
        ),
        Attribute(
            "failure",
            "M",
            "why it failed: `step`, `reason` and `logTail`, the last lines of the build's log",
            '{"step": "BUILD", "reason": "npm ci failed", "logTail": []}',
        ),
        Attribute("liveAt", "S", "when it last went live", _TIME),
        Attribute(
            "expiresAt",
            "N",
            "once its project is deleted: when it is forgotten, 30 days after that, Unix seconds",
            "1772443800",
        ),
        Attribute(
            "lease",
            "S",
            "while it is under way: `ACTIVE#0` to `ACTIVE#3`, by a hash of its id, so that no partition of "
            "the index takes all writes",
            "ACTIVE#0",
        ),
        Attribute(
            "leaseUntil",
            "N",
            "while it is under way: when the sweep looks at it if it has not moved on, Unix seconds",
            "1769851800",
        ),
        Attribute(
            "redrives",
            "N",
            "how often the sweep has sent it again since its status last changed",
            "1",
        ),
        Attribute(
            "putOff",
            "N",
            "while the sweep fails to look at it: seconds by which its lease was prolonged for that",
            "60",
        ),
        Attribute(
            "held",
            "S",
            "`RELEASE` from when its release began until nothing is left of that",
            "RELEASE",
        ),
        Attribute(
            "collectedAt",
            "S",
            "when it was taken from the visitors for good; its functions and files go an hour later, and "
            "`release` with them",
            _TIME,
        ),
    ),
)

TAGS: Final = TableShape(
    purpose=(
        "OpenNext's own: which pages of one site depend on which cache tags. Each site has a table, because "
        "the rows know no tenant."
    ),
    partition=Key("tag"),
    sort=Key("path"),
    query="tag = '<build id>/products'",
    indexes=(
        Index(
            name="revalidate",
            partition=Key("path"),
            sort=Key("revalidatedAt", "N"),
            why="whether one of a page's tags was revalidated after the page was rendered",
            query="path = '<build id>/products/7' AND revalidatedAt > 1769851800000",
        ),
    ),
    attributes=(
        Attribute("tag", "S", "the cache tag, after the build's id", "<build id>/products"),
        Attribute("path", "S", "a page that depends on it, after the build's id", "<build id>/products/7"),
        Attribute(
            "revalidatedAt", "N", "when the tag was last revalidated, Unix milliseconds", "1769851800000"
        ),
    ),
)
