// Applies the patches of the folder patches to the installed packages: node apply_patches.mjs [FOLDER OF NODE_MODULES]
//
// A patch is a module with the name of the patch. Its default export has
//   file:   the patched file, relative to node_modules;
//   reason: the fault, and when the patch can go;
//   edits:  pairs of the exact text before and after. The text before occurs exactly once in the file.
// A patch that is already applied changes nothing. If any patch does not apply, no file is written.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));

/** A patch does not match the file. */
export class PatchError extends Error {}

/** Return the patches of a folder and its subfolders, in the order of their paths. */
export async function loadPatches(patches = join(folder, "patches")) {
  if (!existsSync(patches)) return []; // git and the zip of the build tools have no empty folders
  const names = readdirSync(patches, { recursive: true }).filter((name) => name.endsWith(".mjs"));
  return Promise.all(
    names.sort().map(async (name) => ({
      name: basename(name, ".mjs"),
      ...(await import(pathToFileURL(join(patches, name)))).default,
    })),
  );
}

/**
 * Return the text of a file with the edits of a patch.
 *
 * @throws PatchError The text contains the text before an edit not exactly once, and is not patched yet.
 */
export function applyPatch(patch, text) {
  for (const { before, after } of patch.edits) {
    if (after && text.includes(after) && count(text.replaceAll(after, ""), before) === 0) continue;
    if (!after) throw new PatchError(`The patch ${patch.name} has an edit without a text after it: leave a comment.`);
    const found = count(text, before);
    if (found !== 1)
      throw new PatchError(
        `The patch ${patch.name} does not match ${patch.file}: its text occurs ${found} times instead of once.`,
      );
    text = text.replace(before, () => after);
  }
  return text;
}

/**
 * Apply patches to the packages of a folder `node_modules`, and return the paths of the patched files.
 *
 * @throws PatchError A patch does not match.
 */
export async function applyPatches(modules, patches) {
  const files = new Map();
  for (const patch of patches ?? (await loadPatches())) {
    const path = join(modules, patch.file);
    files.set(path, applyPatch(patch, files.get(path) ?? readFileSync(path, "utf8")));
  }
  for (const [path, text] of files) writeFileSync(path, text);
  return [...files.keys()];
}

function count(text, part) {
  return text.split(part).length - 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  try {
    await applyPatches(process.argv[2] ?? join(folder, "node_modules"));
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    console.log(`==> FAILED: ${error.message}`);
    console.log("==> What to do: Tell the operator: the build tools are inconsistent.");
    process.exit(1);
  }
