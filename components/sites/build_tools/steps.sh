# The steps of a build. buildspec.yml calls one function of this file in each of its commands: bash steps.sh FUNCTION.
# The build log and the deployment then report a failure as, for example, "bash steps.sh dependencies".
set -euo pipefail

source="$CODEBUILD_SRC_DIR/source"
build_tools="$CODEBUILD_SRC_DIR/build_tools"
tools="$CODEBUILD_SRC_DIR/tools"
cache="${npm_config_cache:-$HOME/.npm}"
export PATH="$tools/bin:$PATH"
export GIT_TERMINAL_PROMPT=0 # git must fail instead of waiting for a password
export GIT_ALLOW_PROTOCOL=http:https # submodules cannot use file:, ssh: or ext:

say() { printf '==> %s\n' "$*"; }
fail() { # CAUSE NEXT_STEP
  printf '==> FAILED: %s\n==> What to do: %s\n' "$1" "$2"
  exit 1
}

check_tools() {
  say "Node.js $(node --version), npm $(npm --version), $(git --version)"
}

checkout() {
  local url="${ANCHOR_REPOSITORY_URL:-}" sha="${ANCHOR_COMMIT_SHA:-}" branch="${ANCHOR_BRANCH:-}" shown
  [[ $url == https://* || -n ${ANCHOR_DEPLOY_KEY_URL:-} ]] ||
    fail "ANCHOR_REPOSITORY_URL is not an https URL." "Correct the project's repository."
  [[ -z $sha || $sha =~ ^[0-9a-f]{40}([0-9a-f]{24})?$ ]] ||
    fail "ANCHOR_COMMIT_SHA is not a full commit id." "Deploy a commit by its full id."
  [[ -n $sha ]] || git check-ref-format "refs/heads/$branch" ||
    fail "ANCHOR_COMMIT_SHA is missing, and ANCHOR_BRANCH is not a branch name." "Deploy a commit or a branch."
  shown="$url"
  [[ $url =~ ^https://[^/]*@ ]] && shown="https://***@${url#*@}" # hide credentials in the log
  if [[ -n ${ANCHOR_DEPLOY_KEY_URL:-} ]]; then
    fetch_with_key "${sha:-refs/heads/$branch}"
    cd "$source"
  else
    fetch_without_key
  fi
  if [[ -n $sha ]]; then
    [[ $(git rev-parse HEAD) == "$sha" ]] ||
      fail "The repository answered with commit $(git rev-parse HEAD)." "Deploy a commit, not a tag."
  else
    sha="$(git rev-parse HEAD)"
    say "Commit $sha is the head of $branch" # runtime/deploy/builds/build_logs.py reads this line
    # Add the commit to the script, for later steps. mv replaces the file, so the running bash still reads the
    # old file.
    { echo "export ANCHOR_COMMIT_SHA=$sha"; cat "$0"; } > "$0.new"
    mv "$0.new" "$0"
  fi
}

fetch_without_key() { # uses the variables of checkout
  git init --quiet "$source"
  cd "$source"
  git remote add origin "$url"
  if [[ -n $sha ]]; then
    say "Fetching commit $sha of $shown"
    git fetch --quiet --depth 1 --no-tags origin "$sha" ||
      fail "Commit $sha could not be fetched from $shown (git's reason is above)." \
        "Check that no force push has removed the commit. If the repository is private, create a deploy key (anchor projects key create)."
  else
    say "Fetching branch $branch of $shown"
    git fetch --quiet --depth 1 --no-tags origin "refs/heads/$branch" ||
      fail "Branch $branch could not be fetched from $shown (git's reason is above)." \
        "Check that the branch exists. If the repository is private, create a deploy key (anchor projects key create)."
  fi
  git -c advice.detachedHead=false checkout --quiet --detach FETCH_HEAD
  if [[ -f .gitmodules ]]; then
    say "Fetching submodules"
    git submodule --quiet update --init --recursive --depth 1 ||
      fail "A submodule could not be fetched." "Check that .gitmodules names public https repositories."
  fi
}

# Fetches the repository and its submodules over SSH with the project's deploy key, before any code of the
# repository runs. The key is only in memory: the platform's object with the key is deleted before the key is
# used, and an SSH agent holds the key until the fetch has ended. No file contains the key.
# Variables of the user cannot change these commands, because `env -i` removes them.
fetch_with_key() { # COMMIT OR REF
  env -i HOME="$HOME" PATH="$PATH" LANG=C.UTF-8 \
    python3 -IS - "$ANCHOR_DEPLOY_KEY_URL" "$source" "$1" <<'PYTHON'
import json, os, re, shlex, shutil, subprocess, sys, tempfile, time, urllib.error, urllib.request

key_url, source, wanted = sys.argv[1:]

def fail(cause, next_step):
    print(f"==> FAILED: {cause}\n==> What to do: {next_step}", flush=True)
    sys.exit(1)

def request(method, url):
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
        return answer.read()

def receive():
    try:
        received = json.loads(request("GET", key_url))
        request("DELETE", received["deleteUrl"])
    except (OSError, ValueError) as error:
        fail(f"The deploy key could not be received ({error}).", "Deploy again.")
    try:
        request("GET", key_url)
    except urllib.error.HTTPError as error:
        if error.code in (403, 404):
            return received
    except OSError:
        pass
    fail("The deploy key could not be removed before the build.", "Deploy again.")

def run(*command, text="", **options):
    done = subprocess.run(
        command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", **options
    )
    return done.returncode == 0, done.stdout

def add_keys(agent, socket):
    deadline = time.monotonic() + 10
    for key in access["privateKeys"]:
        while (status := add_key(key, socket)) == 2:  # the agent does not listen yet
            if agent.poll() is not None or time.monotonic() > deadline:
                fail("The SSH agent did not start.", "Deploy again.")
            time.sleep(0.01)
        if status:
            fail("The deploy key is damaged.", "Create a new one with `anchor projects key rotate`.")

def add_key(key, socket):
    command = ["ssh-add", "-q", "-"]
    hidden = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run(
        command, input=key, encoding="utf-8", env={**os.environ, "SSH_AUTH_SOCK": socket}, **hidden
    ).returncode

def make_git_environment(folder, socket):
    known_hosts = os.path.join(folder, "known_hosts")
    with open(known_hosts, "w", encoding="ascii") as file:
        file.writelines(f"{host} {key}\n" for key in access["hostKeys"])
    options = {
        "BatchMode": "yes",
        "CheckHostIP": "no",
        "ConnectTimeout": "30",
        "ForwardAgent": "no",
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": host,  # submodules can only be on the same server
        "IdentityAgent": socket,
        "IdentityFile": "none",
        "PreferredAuthentications": "publickey",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": known_hosts,
    }
    ssh = ["ssh", "-F", "/dev/null", *(f"-o{name}={value}" for name, value in options.items())]
    return {
        **os.environ,
        "GIT_ALLOW_PROTOCOL": "http:https:ssh",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_SSH_COMMAND": shlex.join(ssh),
        "GIT_SSH_VARIANT": "ssh",
        "GIT_TERMINAL_PROMPT": "0",
    }

def git(*arguments):
    succeeded, output = run("git", "-c", "core.hooksPath=/dev/null", *arguments, cwd=source, env=environment)
    if not succeeded:
        print(output, end="", flush=True)
    return succeeded, output

def explain(output):
    if re.search("Host key verification failed|HOST IDENTIFICATION HAS CHANGED|host key is known", output):
        fail(
            f"{host} did not present one of its known host keys.",
            "Compare its host key with the one that its owner publishes. If the owner has changed it, set the"
            " new one with `anchor projects key trust`.",
        )
    if "couldn't find remote ref" in output:
        fail(f"{shown} does not exist in {access['url']}.", "Deploy a branch that exists.")
    if re.search("not our ref|unadvertised object|did not send all necessary objects", output):
        fail(f"Commit {shown} does not exist in {access['url']}.", "Push again. Perhaps a force push has removed it.")
    if re.search("denied|not found|not exist|does not appear to be a git repository", output, re.IGNORECASE):
        fail(
            f"{host} refused the deploy key {' and '.join(access['fingerprints'])} for {access['url']}.",
            f"`anchor projects key show` prints the key. Add it, read-only, at {access['settingsPage']}; then deploy again.",
        )
    fail(f"{access['url']} could not be fetched (git's reason is above).", "Check the address and the server; then deploy again.")

def fetch():
    os.mkdir(source)
    git("init", "--quiet")
    git("remote", "add", "origin", access["url"])
    print(f"==> Fetching {shown} of {access['url']} with the deploy key", flush=True)
    fetched, output = git("fetch", "--quiet", "--depth", "1", "--no-tags", "origin", wanted)
    if not fetched:
        explain(output)
    checked_out, _ = git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    if not checked_out:
        fail("The commit could not be checked out (git's reason is above).", "Correct the repository; then push again.")
    if os.path.isfile(os.path.join(source, ".gitmodules")):
        fetch_submodules()

def fetch_submodules():
    print("==> Fetching submodules", flush=True)
    # Like git, ignore entries of .gitmodules that are no submodules in this commit.
    _, tracked = git("ls-files", "--stage", "-z")
    submodules = {entry.partition("\t")[2] for entry in tracked.split("\0") if entry.startswith("160000 ")}
    _, listed = git("config", "--null", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$")
    for path in sorted(submodules & {entry.partition("\n")[2] for entry in listed.split("\0")}):
        fetched, _ = git("submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1", "--", path)
        if not fetched:
            fail(
                f"The submodule {path!r} could not be fetched (git's reason is above).",
                f"Its repository must be public (https), or be on {host} and accept the same deploy key."
                " GitHub accepts a deploy key for one repository only.",
            )

access = receive()
host = access["host"]
shown = wanted.removeprefix("refs/heads/")
folder = tempfile.mkdtemp(prefix="anchor-")
socket = os.path.join(folder, "agent")
environment = make_git_environment(folder, socket)
agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
try:
    add_keys(agent, socket)
    fetch()
finally:
    agent.kill()
    agent.wait()
    shutil.rmtree(folder)
PYTHON
}

package_json() { # FIELD...: print the value at this path of package.json, if it exists
  node -e '
    const { readFileSync } = require("node:fs");
    let value = JSON.parse(readFileSync("package.json", "utf8"));
    for (const field of process.argv.slice(1)) value = value?.[field];
    if (value !== undefined) console.log(value);
  ' "$@"
}

manager_version() { # MANAGER DEFAULT: print the version in "packageManager": "pnpm@10.1.0+sha512..."
  local manager
  manager="$(package_json packageManager)"
  if [[ $manager =~ ^"$1"@([0-9A-Za-z.-]+) ]]; then echo "${BASH_REMATCH[1]}"; else echo "$2"; fi
}

add_tool() { # PACKAGE
  say "Installing $1"
  npm install --global --prefix "$tools" --no-audit --no-fund --loglevel=error "$1" ||
    fail "$1 could not be installed." "Check packageManager in package.json and the network."
}

# Checks lock files in the order of OpenNext, so that this script and OpenNext choose the same package manager.
# Always installs development dependencies, even if a variable sets NODE_ENV=production.
# Creates a flat node_modules without links between packages, because artifacts cannot contain links.
dependencies() {
  cd "$source"
  [[ -f package.json ]] ||
    fail "The root of the repository has no package.json." "Deploy a repository whose root is the Next.js site."
  package_json name > /dev/null || fail "package.json is not valid JSON." "Correct it, and push again."
  if [[ -f bun.lock || -f bun.lockb ]]; then
    fail "The repository is locked with bun, which is not supported." \
      "Commit a package-lock.json, yarn.lock or pnpm-lock.yaml instead of bun's lock file."
  elif [[ -f package-lock.json || -f npm-shrinkwrap.json ]]; then
    say "Installing dependencies: npm ci"
    # --prefer-offline uses cached metadata of packages. This is safe: the lock file has versions and hashes.
    npm ci --include=dev --prefer-offline --no-audit --no-fund --loglevel=warn ||
      fail "npm ci failed (npm's reason is above)." \
        "If the lock file does not match package.json, run npm install, commit package-lock.json, and push again."
  elif [[ -f yarn.lock ]]; then
    if grep -q '^__metadata:' yarn.lock; then
      add_tool "@yarnpkg/cli-dist@$(manager_version yarn "$ANCHOR_YARN_VERSION")"
      say "Installing dependencies: yarn install --immutable"
      export YARN_NODE_LINKER=node-modules YARN_CACHE_FOLDER="$cache/yarn" YARN_ENABLE_TELEMETRY=0
      yarn install --immutable ||
        fail "yarn install failed (its reason is above)." "Run yarn install, commit yarn.lock, and push again."
    else
      add_tool "yarn@$(manager_version yarn "$ANCHOR_YARN_CLASSIC_VERSION")"
      say "Installing dependencies: yarn install --frozen-lockfile"
      yarn install --frozen-lockfile --production=false --non-interactive --no-progress \
        --cache-folder "$cache/yarn" ||
        fail "yarn install failed (its reason is above)." "Run yarn install, commit yarn.lock, and push again."
    fi
  elif [[ -f pnpm-lock.yaml ]]; then
    add_tool "pnpm@$(manager_version pnpm "$ANCHOR_PNPM_VERSION")"
    say "Installing dependencies: pnpm install --frozen-lockfile"
    pnpm install --frozen-lockfile --prod=false --reporter=append-only --store-dir "$cache/pnpm" \
      --config.node-linker=hoisted ||
      fail "pnpm install failed (its reason is above)." \
        "Run pnpm install, commit pnpm-lock.yaml, name packageManager in package.json, and push again."
  else
    fail "The repository has no lock file: the same commit would be built differently every day." \
      "Run npm install, commit package-lock.json (or yarn.lock, pnpm-lock.yaml), and push again."
  fi
}

open_next_build() {
  cd "$source"
  local file site_config="" config open_next status=0
  for file in open-next.config.ts open-next.config.mts open-next.config.mjs open-next.config.js; do
    [[ -n $site_config || ! -f $file ]] || site_config="$file"
  done
  [[ -n $site_config ]] || say "The repository has no open-next.config file: using the platform's"
  if uses_own_open_next; then
    open_next=(node_modules/.bin/open-next)
    [[ -x ${open_next[0]} ]] ||
      fail "package.json selects its own OpenNext, but @opennextjs/aws was not installed." \
        "Commit a lock file that contains @opennextjs/aws, or remove anchor.openNext from package.json."
    config="${site_config:-$(write_config 'export { default } from "./build_tools/config/plain_config.mjs";')}"
    say "Building: open-next build, the repository's own version, without the platform's corrections"
  else
    install_build_tools
    open_next=("$build_tools/node_modules/.bin/open-next")
    config="$(write_config \
      'import { completeConfigOrExit } from "./build_tools/config/complete_config.mjs";' \
      "${site_config:+import * as site from \"./$(realpath --relative-to="$CODEBUILD_SRC_DIR" "$site_config")\";}" \
      "export default completeConfigOrExit(${site_config:+site.default});")"
    say "Building: open-next build, version $(cd "$build_tools" && package_json dependencies @opennextjs/aws)"
    [[ -z $(package_json dependencies @opennextjs/aws)$(package_json devDependencies @opennextjs/aws) ]] ||
      say "The version of @opennextjs/aws in package.json is not used. To use it, without the platform's corrections," \
        "set \"anchor\": {\"openNext\": \"own\"} in package.json."
  fi
  "${open_next[@]}" build --config-path "$config" < /dev/null || status=$?
  [[ $status != 3 ]] || exit 1 # complete_config.mjs has reported the reason
  [[ $status == 0 ]] ||
    fail "open-next build failed (the reason is above)." \
      "Run npx open-next build in the repository, correct what it reports, and push again."
  [[ -f .open-next/open-next.output.json ]] ||
    fail "The build did not write .open-next/open-next.output.json." \
      "Remove buildOutputPath from open-next.config, and use @opennextjs/aws 3 or later."
  check_sharp
  uses_own_open_next || node "$build_tools/complete_functions.mjs" # reports the reason of a failure
}

uses_own_open_next() {
  local choice
  choice="$(package_json anchor openNext)"
  [[ $choice == own ]] && return 0
  [[ -z $choice ]] ||
    fail "anchor.openNext in package.json is \"$choice\"." 'The only value is "own". Remove it to use the platform'"'"'s version.'
  return 1
}

# Installs the build tools in every build. A folder that is kept between builds could be changed by the code of a site.
# npm checks each package of its cache against the hash in the lock file, so nothing is fetched twice.
install_build_tools() {
  say "Installing the build tools: npm ci"
  (
    cd "$build_tools"
    npm ci --ignore-scripts --legacy-peer-deps --prefer-offline --no-audit --no-fund --loglevel=error ||
      fail "The build tools could not be installed (npm's reason is above)." \
        "Check that the npm registry can be reached, and deploy again."
    node apply_patches.mjs
  )
}

# Writes an open-next.config outside of the checkout, and prints its path from here. OpenNext does not bundle modules
# with absolute paths, so all imports are relative.
write_config() { # LINE...
  printf '%s\n' "$@" > "$CODEBUILD_SRC_DIR/open-next.config.mjs"
  realpath --relative-to=. "$CODEBUILD_SRC_DIR/open-next.config.mjs"
}

# OpenNext continues if sharp cannot be installed. Without this check, the site would not optimize images, and
# no message would report the cause.
check_sharp() {
  local modules=.open-next/image-optimization-function/node_modules
  [[ -d .open-next/image-optimization-function ]] || return 0
  [[ -d $modules && -n $(find "$modules" -name "*linux-$ANCHOR_LAMBDA_ARCH*.node") ]] && return 0
  uses_own_open_next ||
    fail "sharp for linux-$ANCHOR_LAMBDA_ARCH could not be installed for the image function." \
      "Remove imageOptimization.install from open-next.config if it is there. Otherwise deploy again."
  say "WARNING: the image function has no sharp for linux-$ANCHOR_LAMBDA_ARCH, so images will not be optimized." \
    "Set imageOptimization.install in open-next.config."
}

# Packs plain files into a zip. A link is replaced by the file or folder that it points to, because a release
# refuses links.
#
# Next.js creates new preview keys in every build. This step replaces them by keys derived from the project's
# key for server actions, so that all builds of a project have the same preview keys. The revalidation
# function of one build can then revalidate pages of all releases, and draft mode continues after a deployment.
pack() {
  cd "$source"
  say "Packing .open-next into open-next.zip"
  python3 -IS - .open-next "$CODEBUILD_SRC_DIR/open-next.zip" <<'PYTHON'
import hashlib, hmac, json, os, re, sys, zipfile

root, target = sys.argv[1:]
checkout = os.path.realpath(".") + os.sep
files = size = 0

def preview_keys():
    secret = os.environ.get("NEXT_SERVER_ACTIONS_ENCRYPTION_KEY", "").encode()
    try:
        with open(".next/prerender-manifest.json", encoding="utf-8") as file:
            made = json.load(file)["preview"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        made = ()
    keys = {}
    for name, value in made if secret else ():
        if not re.fullmatch("[0-9a-f]{32,64}", str(value)):
            sys.exit(f"==> FAILED: {name} in .next/prerender-manifest.json has an unknown format.")
        same = hmac.new(secret, name.encode(), hashlib.sha256).hexdigest()
        keys[value.encode()] = same[: len(value)].encode()
    if not keys:
        print("==> Keeping the preview keys of Next.js: the build has no such keys, or the project has no key for server actions.")
    return keys

def with_preview_keys(content):
    for value, same in keys.items():
        content = content.replace(value, same)
    return content

keys = preview_keys()

def pack(folder, inside, above):
    global files, size
    real = os.path.realpath(folder)
    if real in above:
        sys.exit(f"==> FAILED: {folder} is a link to a folder above it.")
    for name in sorted(os.listdir(folder)):
        path, entry = os.path.join(folder, name), inside + name
        if not (os.path.realpath(path) + os.sep).startswith(checkout):
            sys.exit(f"==> FAILED: {path} is a link to a target outside of the repository.")
        if os.path.isdir(path):
            pack(path, entry + "/", above | {real})
        elif os.path.isfile(path):
            info = zipfile.ZipInfo(entry)  # its date is 1980, so that equal builds create equal zips
            info.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
            with open(path, "rb") as file:
                content = with_preview_keys(file.read())
            archive.writestr(info, content, compress_type=zipfile.ZIP_DEFLATED)
            files, size = files + 1, size + len(content)
        else:
            print(f"==> Skipping {path}: it is a broken link.")

with zipfile.ZipFile(target, "w") as archive:
    pack(root, "", frozenset())
print(f"==> Packed {files} files, {size / 1e6:.1f} MB, as {os.path.getsize(target) / 1e6:.1f} MB")
PYTHON
}

"$1"
