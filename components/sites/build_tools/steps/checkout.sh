# The step that fetches the commit, with its submodules and the files of Git LFS. steps.sh reads this file.

checkout() {
  # If git-lfs is configured for the whole machine, git would fetch large files here, without a clear message.
  export GIT_CONFIG_NOSYSTEM=1 GIT_LFS_SKIP_SMUDGE=1
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
  fetch_large_files
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
        "GIT_LFS_SKIP_SMUDGE": "1",
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

# Git LFS keeps large files outside of the repository. git alone checks out pointers to them.
fetch_large_files() {
  local folder
  while IFS= read -r -d "" folder; do
    [[ -z $(list_pointers "$folder") ]] || (cd "$folder" && fetch_large_files_here)
  done < <(
    printf '%s\0' "$source"
    git submodule --quiet foreach --recursive 'printf "%s/%s\0" "$toplevel" "$sm_path"'
  )
}

fetch_large_files_here() {
  local names
  names="$(list_pointers .)"
  [[ $(git remote get-url origin) == http* ]] ||
    fail "Files of the repository are in Git LFS, which a build cannot fetch over SSH: $names." \
      "Commit these files without Git LFS, or use a public repository with its https URL."
  git lfs version > /dev/null 2>&1 ||
    fail "Files of the repository are in Git LFS, and git-lfs is not installed on the build machine: $names." \
      "Install git-lfs where the builds run, or commit these files without Git LFS."
  say "Fetching large files with Git LFS"
  git lfs install --local > /dev/null
  GIT_LFS_SKIP_SMUDGE=0 git lfs pull || fail "Files of Git LFS could not be fetched (git's reason is above): $names." \
    "Push these files with git lfs push, or commit them without Git LFS."
  names="$(list_pointers .)"
  [[ -z $names ]] || fail "Files of Git LFS were not fetched: $names." "Push these files with git lfs push."
}

list_pointers() { # FOLDER: print the names of its files that are still pointers of Git LFS, at most five of them
  (cd "$1" && git ls-files -z ':(attr:filter=lfs)') | python3 -IS -c '
import os, sys

folder, pointers = sys.argv[1], []
for name in sys.stdin.buffer.read().split(b"\0"):
    path = os.path.join(os.fsencode(folder), name)
    if name and os.path.isfile(path) and not os.path.islink(path):
        with open(path, "rb") as file:
            if file.read(48).startswith(b"version https://git-lfs.github.com/spec/"):
                pointers.append(name.decode(errors="replace"))
more = f" and {len(pointers) - 5} more" if len(pointers) > 5 else ""
print(", ".join(pointers[:5]) + more)
' "$1"
}
