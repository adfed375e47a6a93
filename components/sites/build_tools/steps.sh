# The steps of a build. buildspec.yml calls one function of this file in each of its commands: bash steps.sh FUNCTION.
# The build log and the deployment then report a failure as, for example, "bash steps.sh dependencies".
set -euo pipefail

source="$CODEBUILD_SRC_DIR/source"
site="$source${ANCHOR_ROOT_DIRECTORY:+/$ANCHOR_ROOT_DIRECTORY}" # the folder of the Next.js site
build_tools="$CODEBUILD_SRC_DIR/build_tools"
tools="$CODEBUILD_SRC_DIR/tools"
cache="${npm_config_cache:-$HOME/.npm}"
export PATH="$tools/bin:$PATH"
export GIT_TERMINAL_PROMPT=0 # git must fail instead of waiting for a password
export GIT_ALLOW_PROTOCOL=http:https # submodules cannot use file:, ssh: or ext:
# OpenNext runs `yarn build`, which must read the same settings as `yarn install`.
export YARN_NODE_LINKER=node-modules YARN_CACHE_FOLDER="$cache/yarn" YARN_ENABLE_TELEMETRY=0
# By default, Node.js uses half of a small machine. This leaves 1 GB for the other processes of a build.
if [[ -n ${ANCHOR_BUILD_MEMORY:-} && ${NODE_OPTIONS:-} != *max[-_]old[-_]space[-_]size* ]]; then
  export NODE_OPTIONS="${NODE_OPTIONS:+$NODE_OPTIONS }--max-old-space-size=$((ANCHOR_BUILD_MEMORY - 1024))"
fi

say() { printf '==> %s\n' "$*"; }
fail() { # CAUSE NEXT_STEP
  printf '==> FAILED: %s\n==> What to do: %s\n' "$1" "$2"
  exit 1
}

check_tools() {
  say "Node.js $(node --version), npm $(npm --version), $(git --version)"
}

package_json() { # FIELD...: print the value at this path of package.json, if it exists
  node -e '
    const { readFileSync } = require("node:fs");
    let value = JSON.parse(readFileSync("package.json", "utf8"));
    for (const field of process.argv.slice(1)) value = value?.[field];
    if (value !== undefined) console.log(value);
  ' "$@"
}

# Like package_json. In a workspace with one package.json for all its sites, this is the file in the root.
site_package_json() { # FIELD...
  if [[ -f package.json ]]; then package_json "$@"; else (cd "$source" && package_json "$@"); fi
}

find_package() { # NAME: print the path of this package in the nearest node_modules, or fail
  local folder="$site"
  while :; do
    if [[ -e $folder/node_modules/$1 ]]; then
      realpath --relative-to=. --no-symlinks "$folder/node_modules/$1"
      return 0
    fi
    [[ $folder != "$source" ]] || return 1
    folder="$(dirname "$folder")"
  done
}

open_next_build() {
  cd "$site"
  local file site_config="" config open_next status=0
  for file in open-next.config.ts open-next.config.mts open-next.config.mjs open-next.config.js; do
    [[ -n $site_config || ! -f $file ]] || site_config="$file"
  done
  [[ -n $site_config ]] || say "The repository has no open-next.config file: using the platform's"
  if uses_own_open_next; then
    open_next="$(find_package .bin/open-next)" ||
      fail "package.json selects its own OpenNext, but @opennextjs/aws was not installed." \
        "Commit a lock file that contains @opennextjs/aws, or remove anchor.openNext from package.json."
    config="${site_config:-$(write_config 'export { default } from "./build_tools/config/plain_config.mjs";')}"
    say "Building: open-next build, the repository's own version, without the platform's corrections"
  else
    install_build_tools
    open_next="$build_tools/node_modules/.bin/open-next"
    config="$(write_config \
      'import { completeConfigOrExit } from "./build_tools/config/complete_config.mjs";' \
      "${site_config:+import * as site from \"./$(realpath --relative-to="$CODEBUILD_SRC_DIR" "$site_config")\";}" \
      "export default completeConfigOrExit(${site_config:+site.default});")"
    say "Building: open-next build, version $(cd "$build_tools" && package_json dependencies @opennextjs/aws)"
    [[ -z $(site_package_json dependencies @opennextjs/aws)$(site_package_json devDependencies @opennextjs/aws) ]] ||
      say "The version of @opennextjs/aws in package.json is not used. To use it, without the platform's corrections," \
        "set \"anchor\": {\"openNext\": \"own\"} in package.json."
  fi
  "$open_next" build --config-path "$config" < /dev/null || status=$?
  [[ $status != 3 ]] || exit 1 # complete_config.mjs or a patch of OpenNext has reported the reason
  [[ $status == 0 ]] ||
    fail "open-next build failed (the reason is above)." \
      "Run npx next build in the repository, correct what it reports, and push again."
  [[ -f .open-next/open-next.output.json ]] ||
    fail "The build did not write .open-next/open-next.output.json." \
      "Remove buildOutputPath from open-next.config, and use @opennextjs/aws 3 or later."
  check_sharp
  uses_own_open_next || node "$build_tools/complete_functions.mjs" # reports the reason of a failure
}

uses_own_open_next() {
  local choice
  choice="$(site_package_json anchor openNext)"
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

for file in checkout dependencies pack; do
  source "$build_tools/steps/$file.sh"
done

"$1"
