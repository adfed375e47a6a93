"""The text of every requirement that the repository cites, by the id of the requirement.

Tests cite these ids in their docstrings. `docs/requirements.md` lists the requirements and their tests.
"""

from collections.abc import Mapping
from typing import Final

GROUPS: Final[Mapping[str, str]] = {
    "G": "The program and its stages",
    "T": "Tables (DynamoDB)",
    "B": "Buckets (S3)",
    "P": "From a push to a build",
    "D": "From a build to a live site",
    "A": "The API of the deploy platform",
    "I": "The image service",
    "S": "The shop import store",
    "L": "The embedded cloud",
    "Q": "Quality that users and operators notice",
    "R": "Behavior with the real Pulumi engine",
    "W": "Work outside the checkout",
    "E": "Caching at the edge",
    "F": "Fidelity to Next.js",
    "H": "Sources of sites",
    "N": "Names, domains and members",
    "C": "The console",
    "X": "Security",
}
"""The title of each group of requirements, by the first letter of the group's ids."""

REQUIREMENTS: Final[Mapping[str, str]] = {
    "G1": (
        "One Pulumi project, `anchor-deploy`, declares stages under free names, each with a settings file. "
        "Each stage follows the rules of one kind: `dev`, `staging`, `production` or `local`. The resources "
        "of two stages never have the same name. A name that is too long or ambiguous is refused."
    ),
    "G2": (
        "Each stage runs in the region of its settings: any region that has all services of a stage. "
        "Certificates, alarms and the alarm topic for CloudFront are created in `us-east-1`. The "
        "declarations of resources contain no literal region and no literal account id."
    ),
    "G3": (
        "Stages of the kind `production` protect and retain everything that holds data. Stages of the other "
        "kinds (`local`, `dev` and `staging`) can be destroyed completely."
    ),
    "G4": (
        "The settings of a stage are parsed once into a typed, frozen object. If a setting is wrong or "
        "unknown, the program stops before it creates the first resource. The message contains the name of "
        "the setting, the problem and the allowed values."
    ),
    "G5": (
        "Stack outputs give the names and addresses that people and programs need: tables, buckets, APIs, "
        "CloudFront domains, the user pool and its client, and the URLs of the sites."
    ),
    "G6": "Every resource that supports tags has the tags `Project`, `Stage` and `Component`.",
    "G7": (
        "A second `pulumi up` without a change plans no changes. The program uses no timestamps and no "
        "random values, and archives of the same sources have the same hash."
    ),
    "G8": (
        "`pulumi up` never reverts what the functions change at run time: function code, versions, "
        "aliases, keys of the KeyValueStore, objects and rows."
    ),
    "G9": (
        "The arguments of every resource are checked against the rules of the AWS provider and the models of "
        "AWS's APIs before anything is created. The limits of a name apply to the name with the suffix that "
        "Pulumi or the provider appends."
    ),
    "G10": (
        "If `pulumi up` is killed at any point, the next `pulumi up` completes, or names each resource that "
        "the operator must first import into the state, as the runbook describes."
    ),
    "G11": "Pulumi's state contains no secret in plain text, also after a refresh.",
    "G12": (
        "`pulumi preview --refresh` shows what was changed by hand, and `pulumi up --refresh` sets the "
        "declared values again."
    ),
    "T1": (
        "A table has on-demand billing, encryption, typed keys and indexes, and optionally a TTL "
        "attribute, a stream and point-in-time recovery."
    ),
    "T2": (
        "Every table with rows of tenants declares its tenant attribute. The program creates the table only "
        "if a partition key of the table or of an index contains that attribute."
    ),
    "T3": (
        "A grant allows single actions on one table or index. No grant contains `dynamodb:*` or all "
        "resources."
    ),
    "T4": (
        "DynamoDB's limits are checked before any resource is created. A warning is shown if an update "
        "would change more than one index of a live table."
    ),
    "T5": (
        "The table `projects` holds projects by `projectId`. An index lists the projects of a user by "
        "creation time."
    ),
    "T6": (
        "The table `deployments` holds deployments by `projectId` and `deploymentId`. Deployment ids are "
        "ULIDs, so their order is the order of creation. Indexes find a deployment by its id and the "
        "deployments of a user."
    ),
    "T7": (
        "The table `images` holds images and albums. Indexes list the images of a user and of an album by "
        "upload time. The table has a stream and a TTL attribute."
    ),
    "T8": (
        "The tables `shops`, `jobs` and `import-history` serve the shop importer. Jobs expire after 90 "
        "days and the history after 365 days. All three have point-in-time recovery in every stage. "
        "Sessions are not stored in these tables."
    ),
    "T9": (
        "`docs/database-schema.md` is generated from the declarations of the tables. It says why each key, "
        "index and attribute exists. A test fails if the document is out of date."
    ),
    "B1": (
        "Buckets are private and encrypted. They refuse public access, access control lists (ACLs) and "
        "connections without TLS."
    ),
    "B2": (
        "Lifecycle rules are typed and checked: expiry, transitions, expiry of noncurrent versions, and "
        "removal of incomplete multipart uploads. Versioning and CORS are arguments."
    ),
    "B3": (
        "Build artifacts expire after 90 days. Build logs move to Glacier after 30 days and to Deep "
        "Archive after 365 days. All projects share these buckets."
    ),
    "B4": "The files that sites serve have a separate bucket with its own lifecycle.",
    "B5": (
        "The bucket of images uses Intelligent-Tiering from the first day and allows CORS only for the "
        "configured origins. The bucket keeps no versions of objects, because an image never changes."
    ),
    "B6": (
        "A distribution can read a bucket only if the policy of the bucket names the distribution. The "
        "distribution reads the bucket through origin access control."
    ),
    "P1": (
        "The webhook accepts a push only with a valid signature of the raw body by the project's secret. "
        "Without a valid signature, the answer is always the same 401, and nothing is written. An accepted "
        "push is answered with 202."
    ),
    "P2": (
        "Only a push to the branch of the project starts a deployment. All other events are answered with "
        "200 and the reason. The commit's SHA, message and author are stored."
    ),
    "P3": (
        "A delivery that arrives twice creates only one deployment. A delivery is identified by its signed "
        "body, not by its header. A redelivery after a failure can succeed."
    ),
    "P4": (
        "Builds wait in an SQS queue. After five receives, a message goes to a dead-letter queue. AWS "
        "recommends at least five, because a message that Lambda throttled counts as received. Lambda "
        "processes a limited number of messages at the same time. Its detection of recursive loops drops no "
        "message. Batches report partial failures. Dead letters have an alarm and a documented redrive."
    ),
    "P5": (
        "A build runs in CodeBuild with 4 GB of memory or more, Node.js 22 or newer, 30 minutes at most, a "
        "cache and logs. The buildspec is part of the build project."
    ),
    "P6": (
        "A build runs untrusted code. It can read its own source and variables and write its own artifact. "
        "The build cannot access resources of other projects or of the platform. The repository cannot "
        "replace the buildspec."
    ),
    "P7": (
        "Deployments follow a table of allowed transitions between statuses. Every transition is a "
        "conditional write. A message or an event that arrives late or twice does not change a status again."
    ),
    "P8": (
        "A newer push replaces older waiting pushes. Each project runs one build at a time, and only the "
        "newest push waits. An older build never replaces a newer live release. The order of the builds is "
        "fair between tenants."
    ),
    "P9": (
        "No deployment stays stuck. A scheduled sweep finds deployments whose message or event was lost, or "
        "whose function crashed. The sweep continues the deployment, or marks it as failed with the reason."
    ),
    "D1": (
        "A release is immutable: function versions with aliases and URLs, static files, and a seeded cache."
    ),
    "D2": (
        "A release follows fixed steps from checking the artifact to the switch. A failure before the "
        "switch leaves the live release unchanged and records the step and the reason."
    ),
    "D3": (
        "One write switches a site to another release. Server, images, files and cache change together. No "
        "request fails and no answer mixes two releases, even during many switches under load."
    ),
    "D4": "The alias `live` of each function names the version in production.",
    "D5": (
        "If a user promotes a kept release, it is live within seconds, without a build. By default, this "
        "also pins the project: until the pin is removed, later builds become ready to be promoted, and do "
        "not replace the release."
    ),
    "D6": (
        "Each kept release has its own URL. A project keeps its newest releases and the live release, even "
        "if the live release is older. The other releases are removed. Functions and files are removed only "
        "when visitors cannot reach the release any more."
    ),
    "D7": (
        "Every feature of the OpenNext output works: server rendering, ISR by time, path and tag, images, "
        "streaming, server actions, middleware, public files and base paths, with Next.js 15 and 16."
    ),
    "D8": (
        "Sites are served only by HTTPS, with HTTP/2 and HTTP/3, and compression. The "
        "origins answer only requests of the distribution."
    ),
    "D9": (
        "Artifacts are not trusted. Path traversal, links, zip bombs and invalid manifests are refused "
        "with the reason before anything is written."
    ),
    "D10": (
        "Sites can have hosts below a custom domain, with DNS-validated certificates and DNS records. No "
        "quota is reached with 50 or more hosts."
    ),
    "A1": "Every route for users requires a token of the user pool. The user id is the subject of the token.",
    "A2": (
        "The API creates, lists, changes and deletes projects. It starts, lists, cancels and promotes "
        "deployments, pages through logs, and sets environment variables."
    ),
    "A3": (
        "Input is validated strictly and unknown fields are refused. Errors are `application/problem+json` "
        "and name every wrong field."
    ),
    "A4": (
        "Environment variables can be secret. A secret is encrypted, and never returned or logged. Builds "
        "and the running site can read it."
    ),
    "A5": (
        "Requests for projects, deployments and images of another tenant are answered with 404 on every "
        "route, never with 403."
    ),
    "A6": (
        "After the deletion of a project, no other tenant gets its site until everything of the project is "
        "removed and all credentials that its code had have expired. Then nothing of the former tenant is "
        "readable, writable or running on the site."
    ),
    "A7": (
        "Each change of a project leaves an entry with the action, the user, the channel and the IP address, "
        "in the same transaction or before it. No role can change or delete an entry. The owner can list the "
        "entries for 400 days, also after the deletion of the project. No entry contains the value of a "
        "variable."
    ),
    "I1": (
        "The image service has an HTTP API with token authorization, CORS for the configured origins, "
        "throttling and an optional domain."
    ),
    "I2": (
        "Users create images with a presigned upload form, and list, change and delete their images. If the "
        "file of an image is never uploaded, the image expires. The event of an upload makes the image ready."
    ),
    "I3": (
        "CloudFront delivers images: HTTPS, origin access control, a day of caching by default, "
        "compression, price class 100, HTTP/2 and an optional domain."
    ),
    "I4": "The stream of the table of images is on and ready for consumers.",
    "S1": (
        "Repositories offer the queries of the shop importer: a shop by its domain, jobs by shop and by "
        "status, and the history of a shop in a time range."
    ),
    "S2": (
        "A shop's access token is encrypted with KMS for that shop. The token is never in a log, an error "
        "message or the text form (`repr`) of an object."
    ),
    "S3": (
        "Counters of a job are exact under concurrent writes and never decrease. A finished job cannot "
        "start again."
    ),
    "S4": "Expired rows are not returned, even before DynamoDB deletes them.",
    "L1": (
        "`make up` needs only Python: no AWS account, no Docker, no Pulumi command line. It deploys the real "
        "program and serves a real site on one machine, with the real function code and IAM policies."
    ),
    "L2": (
        "`make demo` deploys the program and the site like `make up`, checks them once without interaction, "
        "and stops. Its output ends with a table of the checks. The exit status is 0 only if all checks "
        "passed."
    ),
    "L3": (
        "`make up` and `make demo` show their progress. Ctrl-C stops everything that they started. All "
        "servers listen only on loopback addresses. If a port is in use, the error message names it."
    ),
    "L4": (
        "`make up STAGE=<stage>` deploys the resources of any stage, with its certificates, DNS records and "
        "domain names. A certificate is issued only if its validation records exist. A host is answered only "
        "if a DNS record leads from the host to its distribution or API."
    ),
    "L5": (
        "The embedded cloud refuses what AWS refuses when a resource is created: names that are taken or "
        "invalid, other settings of an existing resource, and certificates that are not issued."
    ),
    "L6": (
        "The embedded cloud can create, change, read back and delete a resource of each type that a stage "
        "registers."
    ),
    "L7": (
        "Every call of the functions, and every call of the embedded cloud that creates a resource, is "
        "checked against the models of AWS's APIs: enums, patterns, lengths and ranges. A wrong call is "
        "refused with a message that contains the member and the rule."
    ),
    "L8": (
        "The program, the embedded cloud and the command line work with Python 3.11 to 3.15. Nothing that a "
        "user sees depends on this version, and this version never changes the resources of a stage."
    ),
    "Q1": "Every refusal says what was wrong, where, and what to do.",
    "Q2": (
        "Functions write structured logs with the ids of the deployment, project and request. Alarms report "
        "problems that an operator must solve. A dashboard shows other errors and the load."
    ),
    "Q3": (
        "Roles have least privilege: in the end-to-end tests, each function uses every action that its role "
        "allows, and no call is refused."
    ),
    "R5": "An upgrade from an earlier version replaces no resource that holds data.",
    "W1": (
        "The components, the command line and the shop store are packages. Programs in other repositories "
        "can install and use them."
    ),
    "W2": (
        "No stage file of a user breaks a test. `make validate` checks a stage file offline, and prints one "
        "line for each mistake."
    ),
    "W3": (
        "Errors of the command line tell the cause first, and then the exact next command. With `--json`, a "
        "command prints the answer of the API."
    ),
    "F1": "A site behaves as under `next start`. Each difference is documented with its reason.",
    "F3": (
        "A release with a Next.js version with known security holes is refused, with the version to use. "
        "Only the operator can allow such a version."
    ),
    "H4": (
        "A repository is built with its own package manager and its lock file, in the project's root "
        "directory. Files of Git LFS and submodules are fetched. A commit can ask for no deployment."
    ),
    "H6": (
        "A private repository is fetched over SSH with a read-only deploy key of the platform. The "
        "host keys of git servers are pinned. Code of the repository can read neither the key of its own "
        "project nor the key of another project. If a key is wrong, the deployment fails and says what to do."
    ),
    "E1": (
        "CloudFront caches only what Next.js allows to be shared. It never caches an answer that depends "
        "on more than the cache key, such as an answer of middleware or of a conditional rule."
    ),
    "X1": (
        "No tenant can use up the edge's KeyValueStore, which all sites share. Each release has a share of "
        "it, and the releases of all declared sites fit together. A failed release leaves nothing in it."
    ),
    "X2": (
        "A reader of the AWS account who may not decrypt finds no secret in any answer of AWS: no value of a "
        "secret variable, no webhook secret and no deploy key. Only the role of a site may decrypt the "
        "secrets of its releases. When a release becomes live, older releases lose the values that were "
        "replaced. When a project is deleted, the secrets of its releases are removed at once."
    ),
    "X20": (
        "The API of the deploy platform is for members of the group `deploy` of the user pool, and the API of"
        " the image service is for members of the group `images`. Other users are told the name of the"
        " group. Tokens of other clients are refused, too."
    ),
    "X21": (
        "Each user has quotas: projects, queued deployments, images that wait for their upload, stored images"
        " and their bytes. Concurrent requests cannot exceed a quota. The error names the quota, the limit"
        " and the used number."
    ),
    "X22": (
        "Each function of the platform and each server of a site has reserved concurrency, so that no site"
        " can take the concurrency of the platform or of another site. Routes that write have their own"
        " rates. Promotions of a project are limited."
    ),
    "X23": (
        "What a user does cannot cost without limit: manual deployments in an hour, build minutes and"
        " deletions of delivered images on a day are limited. The answer says when the next request is"
        " allowed. A stage can have a budget, which sends mails."
    ),
    "X4": (
        "The server of a site cannot set cookies for hosts outside of its own host. The program refuses a"
        " domain of sites that shares its registrable domain with a web application, unless this domain is"
        " accepted."
    ),
    "X5": (
        "The state of a stage is used only by the roles of this stage, and each role trusts one kind of "
        "workflow run. With the documented rules, `main` changes only after a review, only administrators of "
        "the repository create tags of releases, and somebody else approves each release."
    ),
    "X10": "A port in a visitor's `Host` header reaches neither the site nor the key of the cache.",
    "X15": (
        "A policy or a permission for an AWS service names the account of the calling resource. The trust "
        "policies of functions are the exception, because Lambda documents no key for them."
    ),
}
"""The text of each requirement, by its id. Add an id here together with the first test that cites the id."""
