// Puts the packages into a server function that Next.js leaves outside of its chunks and that OpenNext leaves out.
import { copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { basename, dirname, join, sep } from "node:path";
import { findPackage, listFiles } from "./server_function.mjs";

const IMPORTS = /(?:\brequire|\bimport|\.[xy])\("((?!\.{1,2}\/)(?:@[\w.-]+\/)?[\w.-]+(?:\/[^"\\\s]*)?)"/g;
// pino loads these packages by names that no static analysis finds, in a worker.
const PINO = ["pino", "thread-stream"];
const OG = "dist/compiled/@vercel/og/index.node.js";
const PINO_TRANSPORT = /^(@[^/]+\/)?pino-/;

/** Return the packages that the chunks of a server function import, with the chunks that import them. */
export function findImports(serverFunction) {
  const found = new Map();
  for (const file of listFiles(join(serverFunction.dotNext, "server"))) {
    if (!/\.(c|m)?js$/.test(file) || file.includes(`${sep}server${sep}edge${sep}`)) continue;
    for (const [, id] of readFileSync(file, "utf8").matchAll(IMPORTS))
      if (!isBuiltin(id)) found.set(id, [...(found.get(id) ?? []), file]);
  }
  return found;
}

/** Return the imports of the chunks, and those that Next.js itself makes if the package is there. */
function listImports(serverFunction) {
  const found = findImports(serverFunction);
  const images = serverFunction.toBundle(join(serverFunction.app, ".next/server"));
  // `next/og` draws images with sharp. Without it, the images have other bytes and take longer.
  const next = findPackage("next", images, serverFunction.bundle);
  if (next && existsSync(join(next, OG))) found.set("sharp", [join(images, "og.js")]);
  return found;
}

/** Return the ids that resolve in the project, as under `next start`, but not in the function. */
export function findMissingImports(serverFunction) {
  const missing = [];
  for (const [id, files] of listImports(serverFunction)) {
    const isMissing = files.some(
      (file) =>
        !findPackage(id, dirname(file), serverFunction.bundle) &&
        findPackage(id, dirname(serverFunction.toProject(file)), serverFunction.root),
    );
    if (isMissing) missing.push(id);
  }
  return missing.sort();
}

/** Copy the missing packages with everything that they need, as Next.js's own tracing finds it. */
export async function addMissingPackages(serverFunction) {
  const missing = findMissingImports(serverFunction);
  const imports = [...findImports(serverFunction).keys()];
  const transports = imports.some((id) => withoutHash(id) === "pino") ? listTransports(serverFunction) : [];
  await addModules(serverFunction, [...missing, ...transports]);
  for (const name of transports) copyPackage(serverFunction, name);
  return missing;
}

/**
 * Name the packages themselves in place of Turbopack's aliases, such as `sharp-20c6a5da84e2135f`.
 *
 * An alias is a link. The artifact has no links, and with a copy of the package, its state would exist twice.
 */
export function replaceAliases(serverFunction) {
  const folder = join(serverFunction.dotNext, "node_modules");
  for (const link of listLinks(folder)) {
    const alias = link.slice(folder.length + 1);
    const name = withoutHash(alias);
    const server = join(serverFunction.app, ".next/server");
    const package_ = findPackage(name, server, serverFunction.root);
    const original = serverFunction.toProject(link);
    if (!package_ || !existsSync(original) || realpathSync(package_) !== realpathSync(original)) continue;
    for (const file of listFiles(join(serverFunction.dotNext, "server"))) {
      if (!/\.(c|m)?js$/.test(file)) continue;
      const text = readFileSync(file, "utf8");
      const replaced = text.replaceAll(`"${alias}"`, `"${name}"`).replaceAll(`"${alias}/`, `"${name}/`);
      if (replaced !== text) writeFileSync(file, replaced);
    }
    rmSync(link);
  }
}

/** Return the name of the package behind an alias of Turbopack. */
export function withoutHash(alias) {
  return alias.replace(/-[0-9a-f]{16}(?=\/|$)/, "");
}

function listLinks(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) return [path];
    return entry.isDirectory() && entry.name.startsWith("@") ? listLinks(path) : [];
  });
}

function listTransports(serverFunction) {
  // In a workspace, the package.json of the root can name the packages of its sites.
  const files = [serverFunction.app, serverFunction.root].map((folder) => join(folder, "package.json"));
  const listed = files.filter(existsSync).flatMap((file) => {
    const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8"));
    return Object.keys(dependencies);
  });
  const names = [...PINO, ...new Set(listed.filter((name) => PINO_TRANSPORT.test(name)))];
  return names.filter((name) => findPackage(name, serverFunction.app, serverFunction.root));
}

/** Copy modules that a module next to Next.js's chunks can import, with everything that they need. */
export async function addModules(serverFunction, ids) {
  for (const file of await traceFiles(serverFunction, ids)) copyIntoBundle(serverFunction, file);
}

/** Return the files, relative to the root, that modules next to Next.js's chunks need to import these packages. */
async function traceFiles(serverFunction, ids) {
  if (ids.length === 0) return [];
  const server = join(serverFunction.app, ".next/server");
  const { nodeFileTrace } = createRequire(join(serverFunction.app, "package.json"))("next/dist/compiled/@vercel/nft");
  const entries = { "anchor-imports.cjs": "require", "anchor-imports.mjs": "import" };
  const paths = Object.keys(entries).map((name) => join(server, name));
  for (const path of paths)
    writeFileSync(path, ids.map((id) => `${entries[basename(path)]}(${JSON.stringify(id)});\n`).join(""));
  try {
    const { fileList } = await nodeFileTrace(paths, { base: serverFunction.root, mixedModules: true });
    return [...fileList].filter((file) => !basename(file).startsWith("anchor-imports."));
  } finally {
    for (const path of paths) rmSync(path);
  }
}

function copyPackage(serverFunction, name) {
  const folder = findPackage(name, serverFunction.app, serverFunction.root);
  const nested = join(folder, "node_modules") + sep;
  for (const file of listFiles(realpathSync(folder)))
    if (!file.startsWith(nested)) copyIntoBundle(serverFunction, file.slice(serverFunction.root.length + 1));
}

function copyIntoBundle(serverFunction, file) {
  const from = join(serverFunction.root, file);
  const to = join(serverFunction.bundle, file);
  if (lstatSync(to, { throwIfNoEntry: false })) return;
  mkdirSync(dirname(to), { recursive: true });
  if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else if (lstatSync(from).isFile()) copyFileSync(from, to);
}
