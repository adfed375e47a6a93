# The step that installs the site's packages with its own package manager. steps.sh reads this file.

# Installs the dependencies from the lock file of the site, or of the workspace that contains it.
# Always installs development dependencies, even if a variable sets NODE_ENV=production.
# Creates a flat node_modules without links between packages, because artifacts cannot contain links.
dependencies() {
  local lock
  [[ ! -f $site/package.json ]] || (cd "$site" && package_json name > /dev/null) ||
    fail "package.json is not valid JSON." "Correct it, and push again."
  check_site
  find_lock_file
  cd "$(dirname "$lock")"
  case "${lock##*/}" in
    bun.lock | bun.lockb) install_with_bun ;;
    package-lock.json | npm-shrinkwrap.json) install_with_npm ;;
    yarn.lock) install_with_yarn ;;
    pnpm-lock.yaml) install_with_pnpm ;;
  esac
  find_package next > /dev/null ||
    fail "The lock file $(realpath --relative-to="$source" "$lock") does not install next for $(name_folder "$site")." \
      "Add the folder to the workspaces of the lock file, or commit a lock file in the folder."
}

# Checks that the root directory is a Next.js site. Otherwise Next.js would report a misleading cause.
check_site() {
  local found="" next_step
  [[ -d $site && "$(realpath "$site")/" == "$(realpath "$source")/"* ]] && list_sites "$site" > /dev/null && return 0
  found="$(list_sites "$source")" || true
  next_step="Deploy a repository that contains a Next.js site with next in the dependencies of its package.json."
  [[ -z $found ]] ||
    next_step="Set the root directory of the project to the folder of the site (anchor projects update --root-directory): $found."
  [[ -d $site ]] || fail "The root directory $ANCHOR_ROOT_DIRECTORY is not a folder of this commit." "$next_step"
  fail "$(name_folder "$site") is no Next.js site." "$next_step"
}

name_folder() { # FOLDER: print its name for a message, with a capital letter if it begins a sentence
  if [[ $1 == "$source" ]]; then echo "The root of the repository"; else realpath --relative-to="$source" "$1"; fi
}

# Prints the folders of Next.js sites, at most five of them, and fails if there is none. For the repository, these are
# all folders below it. For another folder, it is only this folder. A folder is a site if it has routes, and next is
# in the dependencies of its package.json or it has a next.config file. A single folder with next may have no routes:
# its build script can create them.
list_sites() { # FOLDER
  python3 -IS - "$1" "$source" <<'PYTHON'
import json, os, sys

folder, source = sys.argv[1:]

def depends_on_next(path):
    try:
        with open(os.path.join(path, "package.json"), encoding="utf-8") as file:
            document = json.load(file)
        return any("next" in (document.get(kind) or ()) for kind in ("dependencies", "devDependencies"))
    except (OSError, ValueError, AttributeError, TypeError):
        return False

def has_routes(path):
    return any(os.path.isdir(os.path.join(path, name)) for name in ("app", "pages", "src/app", "src/pages"))

def is_site(path):
    names = os.listdir(path)
    return has_routes(path) and (depends_on_next(path) or any(name.startswith("next.config.") for name in names))

sites = []
for path, folders, _ in os.walk(source):
    folders[:] = sorted(name for name in folders if name != "node_modules" and not name.startswith("."))
    if is_site(path):
        sites.append(path)
if os.path.realpath(folder) == os.path.realpath(source):
    is_root = source in sites or (depends_on_next(source) and not sites)
    print(", ".join(os.path.relpath(path, source) for path in sites[:5]) + (", ..." if len(sites) > 5 else ""))
    sys.exit(0 if is_root else 1)
uses_workspace = has_routes(folder) and depends_on_next(source)
sys.exit(0 if folder in sites or depends_on_next(folder) or uses_workspace else 1)
PYTHON
}

# Sets `lock` to the lock file in the nearest folder, in the order of OpenNext. So this script and OpenNext choose the
# same package manager.
find_lock_file() {
  local folder="$site" name
  while :; do
    for name in bun.lockb bun.lock package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml; do
      lock="$folder/$name"
      [[ ! -f $lock ]] || return 0
    done
    [[ $folder != "$source" ]] || break
    folder="$(dirname "$folder")"
  done
  fail "The repository has no lock file: the same commit would be built differently every day." \
    "Run npm install, commit package-lock.json (or yarn.lock, pnpm-lock.yaml, bun.lock), and push again."
}

install_with_npm() {
  say "Installing dependencies: npm ci"
  # --prefer-offline uses cached metadata of packages. This is safe: the lock file has versions and hashes.
  npm ci --include=dev --prefer-offline --no-audit --no-fund --loglevel=warn ||
    fail "npm ci failed (npm's reason is above)." \
      "If the lock file does not match package.json, run npm install, commit package-lock.json, and push again."
}

install_with_yarn() {
  if grep -q '^__metadata:' yarn.lock; then
    add_tool "@yarnpkg/cli-dist@$(manager_version yarn "$ANCHOR_YARN_VERSION")"
    say "Installing dependencies: yarn install --immutable"
    yarn install --immutable ||
      fail "yarn install failed (its reason is above)." "Run yarn install, commit yarn.lock, and push again."
  else
    add_tool "yarn@$(manager_version yarn "$ANCHOR_YARN_CLASSIC_VERSION")"
    say "Installing dependencies: yarn install --frozen-lockfile"
    yarn install --frozen-lockfile --production=false --non-interactive --no-progress ||
      fail "yarn install failed (its reason is above)." "Run yarn install, commit yarn.lock, and push again."
  fi
}

install_with_pnpm() {
  add_tool "pnpm@$(manager_version pnpm "$ANCHOR_PNPM_VERSION")"
  say "Installing dependencies: pnpm install --frozen-lockfile"
  pnpm install --frozen-lockfile --prod=false --reporter=append-only --store-dir "$cache/pnpm" \
    --config.node-linker=hoisted ||
    fail "pnpm install failed (its reason is above)." \
      "Run pnpm install, commit pnpm-lock.yaml, name packageManager in package.json, and push again."
}

install_with_bun() {
  add_tool "bun@$(manager_version bun "$ANCHOR_BUN_VERSION")"
  say "Installing dependencies: bun install --frozen-lockfile"
  BUN_INSTALL_CACHE_DIR="$cache/bun" bun install --frozen-lockfile --linker=hoisted ||
    fail "bun install failed (its reason is above)." \
      "Run bun install, commit bun.lock, name packageManager in package.json, and push again."
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
