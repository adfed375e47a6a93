// Puts the files of routes with the edge runtime into a server function. Next.js's server runs such routes in a sandbox,
// as `next start` does. OpenNext does not copy their files.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { addModules } from "./packages.mjs";

// OpenNext leaves out parts of Next.js that only the sandbox needs.
const SANDBOX = "next/dist/server/web/sandbox/index.js";

/** Copy the files of all edge routes. */
export async function addEdgeFunctions(serverFunction) {
  const dotNext = join(serverFunction.app, ".next");
  const manifest = join(dotNext, "server/middleware-manifest.json");
  const { functions = {} } = existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")) : {};
  for (const { files, wasm = [], assets = [] } of Object.values(functions))
    for (const file of [...files, ...[...wasm, ...assets].map((binding) => binding.filePath)]) {
      const to = join(serverFunction.dotNext, file);
      if (existsSync(to) || !existsSync(join(dotNext, file))) continue;
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(join(dotNext, file), to);
    }
  if (Object.keys(functions).length > 0) await addModules(serverFunction, [SANDBOX]);
}
