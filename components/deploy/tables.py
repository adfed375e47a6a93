"""Designs of the deploy platform's tables, and of the sites' tables of cache tags."""

from typing import Final

from components.aws.table_design import Attribute, Index, Key, TableDesign, TableShape

_USER_ID: Final = Key("userId")
_ULID: Final = "01JD3Q4Z6W8XN5T7V9YB2C4D6F"
_BUILD: Final = "01JD3Q5B7Y9ZP6V8X0ZD4E6F8H"
_USER: Final = "7f1c2a9e-51d4-4c3b-9a57-0a6c1f0c8e21"
_TIME: Final = "2026-01-31T09:30:00.000Z"

PROJECTS: Final = TableDesign(
    # A project's partition contains the row METADATA and the webhook deliveries of the project. A
    # `SITE#<site>` partition contains the declaration of the site and the project that uses the site. The
    # `BUILDS` partition contains the running and waiting builds of the stage. The `SITES` partition contains
    # the names of its sites.
    purpose=(
        "Projects, their webhook deliveries, the declared resources of each site, the list of all sites, and "
        "the running and waiting builds."
    ),
    partition_key=Key("projectId"),
    sort_key=Key("sk"),
    query=f"projectId = '{_ULID}' AND sk = 'METADATA'",
    indexes=(
        Index(
            name="UserIdIndex",
            partition_key=_USER_ID,
            sort_key=Key("createdAt"),
            purpose="the projects of a user, by creation time",
            query=f"userId = '{_USER}', newest first",
        ),
    ),
    tenant="userId",
    ttl_attribute="expiresAt",
    attributes=(
        Attribute(
            "projectId",
            "S",
            "the project's ULID; `SITE#<site>` in the rows of a site; `SITES` in the list of all sites; "
            "`BUILDS` in the rows of builds; `REQUEST#<hash>` in the row of an answered request; "
            "`USER#<userId>` in the row of a user's usage",
            _ULID,
        ),
        Attribute(
            "sk",
            "S",
            "kind of row: `METADATA` a project, `DELIVERY#<hash of the body>` a webhook delivery, `SITE` the "
            "declaration of a site, `CLAIM` the project that uses a site, `SITES` the list of all sites, "
            "`IDEMPOTENCY` an answered request with an idempotency key, `RUNNING` the running builds, "
            "`WAITING#<deployment>` a waiting build, `STARTED#<user>` when a user's last build started, "
            "`FULL` when CodeBuild last had no capacity, `USAGE` what a user uses of the quotas, "
            "`PROMOTIONS#<end>` the promotions of a project in a minute, `MANUAL#<end>` the manual "
            "deployments of a user in an hour, `BUILDS#<end>` the builds of a user on a day",
            "METADATA",
        ),
        Attribute(
            "userId",
            "S",
            "owner of the project or of the waiting build: the subject of the user's tokens",
            _USER,
        ),
        Attribute("name", "S", "the project's name, 3 to 50 characters", "Shop"),
        Attribute("site", "S", "the declared site that the project is bound to", "next-site"),
        Attribute("repositoryUrl", "S", "URL of the repository", "https://github.com/acme/shop"),
        Attribute("branch", "S", "branch whose pushes are deployed", "main"),
        Attribute(
            "rootDirectory", "S", "folder of the site in the repository; empty for its root", "apps/web"
        ),
        Attribute(
            "securityHeaders", "BOOL", "whether answers of the site's functions get security headers", "false"
        ),
        Attribute("createdAt", "S", "when the project was created", _TIME),
        Attribute("updatedAt", "S", "when a user last changed the project", _TIME),
        Attribute(
            "deletingAt",
            "S",
            "start of the project's deletion; after this, the project does not change",
            _TIME,
        ),
        Attribute(
            "webhookVersion", "N", "version of the webhook secret; a higher number creates a new secret", "1"
        ),
        Attribute("sequence", "N", "number of the newest deployment; 0 before the first one", "42"),
        Attribute(
            "variables",
            "L",
            "environment variables: maps of `name`, `isSecret` and `value` (or `secretSize` for a secret)",
            '[{"name": "API_URL", "isSecret": false, "value": "https://api.example.com"}]',
        ),
        Attribute("variablesVersion", "N", "how many times the variables were changed", "3"),
        Attribute("variablesWriter", "S", "the request that is changing secrets; others must wait", _ULID),
        Attribute(
            "variablesReservedUntil",
            "N",
            "time until which only `variablesWriter` can change the variables, Unix seconds",
            "1769851820",
        ),
        Attribute(
            "deployKeys",
            "L",
            "public halves of the deploy keys, newest first: maps of `keyId`, `publicKey` and `createdAt`",
            f'[{{"keyId": "{_BUILD}", "publicKey": "ssh-ed25519 AAAA...", "createdAt": "{_TIME}"}}]',
        ),
        Attribute(
            "hostKeys",
            "L",
            "public keys of the git server that replace its published keys",
            '["ssh-ed25519 AAAA..."]',
        ),
        Attribute("activeBuild", "S", "the deployment that holds the project's build slot", _BUILD),
        Attribute(
            "live",
            "M",
            "release that the site's host serves: `deploymentId` and `sequence`",
            f'{{"deploymentId": "{_BUILD}", "sequence": 42}}',
        ),
        Attribute("serving", "S", "the deployment whose status is `live`", _BUILD),
        Attribute("pinned", "BOOL", "whether the live release stays live when new builds succeed", "false"),
        Attribute("deploymentId", "S", "in a delivery's row: the deployment of the push", _BUILD),
        Attribute(
            "expiresAt",
            "N",
            "in `DELIVERY#`, `STARTED#`, `FULL`, `IDEMPOTENCY`, `PROMOTIONS#`, `MANUAL#`, `BUILDS#` rows: "
            "when the row is deleted, Unix seconds",
            "1772443800",
        ),
        Attribute(
            "running",
            "SS",
            "in the `RUNNING` row: the running builds, each as `<deployment>#<project>#<user>`",
            f"{_BUILD}#{_ULID}#{_USER}",
        ),
        Attribute("waitingProject", "S", "in a `WAITING#` row: the deployment's project", _ULID),
        Attribute("waitingSince", "S", "in a `WAITING#` row: when the build started to wait", _TIME),
        Attribute("startedAt", "S", "in a `STARTED#` row: when the user's last build started", _TIME),
        Attribute(
            "startedBefore",
            "S",
            "in a `STARTED#` row: when the previous build started, in case CodeBuild refuses the last one",
            _TIME,
        ),
        Attribute("fullWith", "N", "in the `FULL` row: running builds of the stage at `fullAt`", "3"),
        Attribute("fullAt", "S", "in the `FULL` row: when CodeBuild had no capacity", _TIME),
        Attribute(
            "fingerprint", "S", "in an `IDEMPOTENCY` row: SHA-256 of the path and the body", "3f2a9c1d..."
        ),
        Attribute("resultId", "S", "in an `IDEMPOTENCY` row: the project or deployment in the answer", _ULID),
        Attribute(
            "replacedId", "S", "in an `IDEMPOTENCY` row: the deployment that a promotion replaced", _BUILD
        ),
        Attribute("projects", "SS", "in a `USAGE` row: the user's projects", _ULID),
        Attribute("queued", "SS", "in a `USAGE` row: the user's queued deployments", _BUILD),
        Attribute(
            "count", "N", "in `PROMOTIONS#`, `MANUAL#` rows: the number of promotions or deployments", "3"
        ),
        Attribute("seconds", "N", "in a `BUILDS#` row: seconds of the builds that ended on the day", "1260"),
        Attribute("names", "L", "in the `SITES` row: the names of all declared sites", '["next-site"]'),
        Attribute(
            "claimedBy",
            "S",
            "in a site's `CLAIM` row: the project that uses the site, or used it before its quarantine",
            _ULID,
        ),
        Attribute("freedBy", "S", "in a `CLAIM` row of a site in quarantine: owner of the project", _USER),
        Attribute("freedAt", "S", "in a `CLAIM` row of a site in quarantine: end of the project", _TIME),
        Attribute(
            "stoppedAt",
            "S",
            "in a `CLAIM` row of a site in quarantine: since when no code of the project can run",
            _TIME,
        ),
        Attribute(
            "cleaningAt",
            "S",
            "in a `CLAIM` row: when the collector began to remove something; then nobody can use the site",
            _TIME,
        ),
        Attribute("host", "S", "in a site's row: its host", "next-site.sites.example.com"),
        Attribute(
            "urlPattern",
            "S",
            "in a site's row: pattern of its URLs, with the placeholder `{host}`",
            "https://{host}",
        ),
        Attribute(
            "serverFunction",
            "S",
            "in a site's row: function that renders pages",
            "anchor-dev-site-next-site-server",
        ),
        Attribute(
            "imageFunction",
            "S",
            "in a site's row: function that optimizes images",
            "anchor-dev-site-next-site-image",
        ),
        Attribute(
            "revalidationFunction",
            "S",
            "in a site's row: function that revalidates cached pages",
            "anchor-dev-site-next-site-revalidate",
        ),
        Attribute(
            "tagTable", "S", "in a site's row: table of its cache tags", "anchor-dev-site-next-site-tags"
        ),
        Attribute(
            "revalidationQueueUrl",
            "S",
            "in a site's row: queue of pages to be revalidated",
            "https://sqs.<region>.amazonaws.com/<account>/anchor-dev-site-next-site-revalidate.fifo",
        ),
        Attribute(
            "revalidationDeadLetterQueueUrl",
            "S",
            "in a site's row: queue of the revalidation messages that failed",
            "https://sqs.<region>.amazonaws.com/<account>/anchor-dev-site-next-site-revalidate-dead.fifo",
        ),
        Attribute(
            "buildProject", "S", "in a site's row: its CodeBuild project", "anchor-dev-site-next-site-build"
        ),
        Attribute(
            "secretsPath",
            "S",
            "in a site's row: path of its secrets in Parameter Store",
            "/anchor/dev/sites/next-site",
        ),
        Attribute(
            "allowsVulnerableNext",
            "BOOL",
            "in a site's row: whether releases with a vulnerable Next.js version are allowed",
            "true",
        ),
    ),
)

DEPLOYMENTS: Final = TableDesign(
    purpose="Deployments: one row for each push or manual start.",
    # A deployment's id is a ULID, so the sort key orders a project's deployments by creation time.
    partition_key=Key("projectId"),
    sort_key=Key("deploymentId"),
    query=f"projectId = '{_ULID}', newest first",
    indexes=(
        Index(
            name="DeploymentIdIndex",
            partition_key=Key("deploymentId"),
            purpose="one deployment, by its id alone, as in its URL",
            query=f"deploymentId = '{_BUILD}'",
        ),
        Index(
            name="UserIdIndex",
            partition_key=_USER_ID,
            sort_key=Key("deploymentId"),
            purpose="the deployments of a user in all projects, newest first",
            query=f"userId = '{_USER}', newest first",
        ),
        Index(
            name="LeaseIndex",
            partition_key=Key("lease"),
            sort_key=Key("leaseUntil", "N"),
            projection="KEYS_ONLY",
            purpose="deployments in progress of all projects, earliest expired lease first",
            query="lease = 'ACTIVE#0' AND leaseUntil <= 1769851800",
        ),
        Index(
            name="HeldIndex",
            partition_key=Key("held"),
            sort_key=Key("deploymentId"),
            projection=("collectedAt", "status"),
            purpose="deployments of all projects that still have functions, keys or files, oldest first",
            query="held = 'RELEASE'",
        ),
    ),
    tenant="userId",
    ttl_attribute="expiresAt",
    attributes=(
        Attribute("projectId", "S", "the deployment's project", _ULID),
        Attribute("deploymentId", "S", "its ULID, which sorts by creation time", _BUILD),
        Attribute("userId", "S", "owner of the project: the subject of the user's tokens", _USER),
        Attribute("site", "S", "the project's site", "next-site"),
        Attribute("sequence", "N", "its number in the project; a higher number is newer", "42"),
        Attribute(
            "status",
            "S",
            "`queued`, `building`, `built`, `deploying`, `ready`, `live`, `retired`, `failed`, `cancelled` "
            "or `superseded`",
            "live",
        ),
        Attribute("branch", "S", "the branch that was pushed to", "main"),
        Attribute("commitSha", "S", "the commit, 40 hex digits", "3f2a9c1d5b7e8f60123456789abcdef012345678"),
        Attribute("commitMessage", "S", "message of the commit", "Fix the basket"),
        Attribute("commitAuthor", "S", "name of the commit's author", "Ada"),
        Attribute("source", "S", "how it was started: `push` or `manual`", "push"),
        Attribute("createdAt", "S", "when it was queued", _TIME),
        Attribute("updatedAt", "S", "when its status last changed", _TIME),
        Attribute("buildId", "S", "id of its build in CodeBuild", "anchor-dev-site-next-site-build:7d0c..."),
        Attribute(
            "waitingSince",
            "S",
            "if the build had to wait: when it, or the deployment that it replaced, started to wait",
            _TIME,
        ),
        Attribute(
            "release",
            "M",
            "its release: `alias`, versions and origins of server and image function, `host`, `url` and "
            "`warnings` (errors of pages in the smoke test, costly rules)",
            '{"alias": "r-01jd3q5b...", "serverVersion": "7", "url": "https://..."}',
        ),
        Attribute(
            "failure",
            "M",
            "why it failed: `step`, `reason`, `advice` and `logTail` (the last lines of the build log or of "
            "the failed function)",
            '{"step": "dependencies", "reason": "npm ci failed", "logTail": []}',
        ),
        Attribute(
            "statusReason",
            "S",
            "why it is `ready` or `superseded`",
            "the project is pinned to deployment 01JD3Q5B7Y9ZP6V8X0ZD4E6F8H: promote this deployment to make "
            "it live",
        ),
        Attribute("releasedAt", "S", "when its release was recorded, before the smoke test", _TIME),
        Attribute("liveAt", "S", "when it last went live", _TIME),
        Attribute(
            "expiresAt",
            "N",
            "if the project was deleted: when the row is deleted, 30 days after the project, Unix seconds",
            "1772443800",
        ),
        Attribute(
            "lease",
            "S",
            "while it is in progress: `ACTIVE#0` to `ACTIVE#3`, by a hash of its id. This spreads writes "
            "over the partitions of the index",
            "ACTIVE#0",
        ),
        Attribute(
            "leaseUntil",
            "N",
            "while it is in progress: end of its lease, after which the sweep checks it, Unix seconds",
            "1769851800",
        ),
        Attribute(
            "redrives",
            "N",
            "how often the sweep has sent its message again since the last change of status",
            "1",
        ),
        Attribute(
            "putOff",
            "N",
            "if the sweep failed to check it: seconds by which the sweep extended its lease",
            "60",
        ),
        Attribute(
            "held",
            "S",
            "`RELEASE` from the start of its release until the release is deleted completely",
            "RELEASE",
        ),
        Attribute(
            "collectedAt",
            "S",
            "when its hosts were removed; its functions, its files and the attribute `release` are removed "
            "an hour later",
            _TIME,
        ),
    ),
)

TAGS: Final = TableShape(
    # OpenNext's own tag cache has a row for each tag and page. Builds of earlier versions of the platform and
    # builds with their own version of OpenNext use it, and need the index.
    purpose=(
        "The revalidated cache tags of one site, and which of its stale pages are rendered. Each site has "
        "its own table, because the rows do not name a tenant."
    ),
    partition_key=Key("tag"),
    sort_key=Key("path"),
    query=f"tag = '{_BUILD}/tag/products' AND path = '-'",
    indexes=(
        Index(
            name="revalidate",
            partition_key=Key("path"),
            sort_key=Key("revalidatedAt", "N"),
            purpose="in rows of OpenNext's own tag cache: whether a tag of a page was revalidated",
            query="path = '<build id>/products/7' AND revalidatedAt > 1769851800000",
        ),
    ),
    ttl_attribute="expiresAt",
    attributes=(
        Attribute(
            "tag",
            "S",
            "`<deployment>/tag/<cache tag>` or `<deployment>/page/<page>`; in rows of OpenNext's own tag "
            "cache: `<build id>/<cache tag>`",
            f"{_BUILD}/tag/products",
        ),
        Attribute(
            "path",
            "S",
            "`-`; in rows of OpenNext's own tag cache: `<build id>/<page>`, a page that depends on the tag",
            "-",
        ),
        Attribute(
            "staleAt",
            "N",
            "in a `tag` row: entries that are older are served once more while they are computed again, Unix "
            "milliseconds",
            "1769851800000",
        ),
        Attribute(
            "expiredAt",
            "N",
            "in a `tag` row: from this time on, entries that are older are not served, Unix milliseconds",
            "1769851800000",
        ),
        Attribute(
            "claimedFor",
            "N",
            "in a `page` row: time of the stale entry that a server renders again, Unix milliseconds",
            "1769851800000",
        ),
        Attribute(
            "claimedUntil",
            "N",
            "in a `page` row: after this time, another server can render the entry, Unix milliseconds",
            "1769851830000",
        ),
        Attribute(
            "expiresAt",
            "N",
            "in a `page` row: when the row is deleted, a day later, Unix seconds",
            "1769938200",
        ),
        Attribute(
            "revalidatedAt",
            "N",
            "in rows of OpenNext's own tag cache: when the tag was last revalidated, Unix milliseconds",
            "1769851800000",
        ),
    ),
)
