# The step that packs the output of OpenNext. steps.sh reads this file.

# Packs plain files into a zip. A link is replaced by the file or folder that it points to, because a release
# refuses links. Prerendered pages keep the time at which the build made them.
#
# Next.js creates new preview keys in every build. This step replaces them by keys derived from the project's
# key for server actions, so that all builds of a project have the same preview keys. The revalidation
# function of one build can then revalidate pages of all releases, and draft mode continues after a deployment.
pack() {
  cd "$site"
  say "Packing .open-next into open-next.zip"
  python3 -IS - .open-next "$CODEBUILD_SRC_DIR/open-next.zip" "$source" <<'PYTHON'
import hashlib, hmac, json, os, re, sys, time, zipfile

root, target, source = sys.argv[1:]
checkout = os.path.realpath(source) + os.sep
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

# All other dates are the earliest one, so that equal files create equal zips.
NO_DATE = (1980, 1, 1, 0, 0, 0)

def get_date(path, entry):
    return max(NO_DATE, time.gmtime(os.path.getmtime(path))[:6]) if entry.startswith("cache/") else NO_DATE

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
            info = zipfile.ZipInfo(entry, get_date(path, entry))
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
