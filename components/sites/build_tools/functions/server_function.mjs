// The folders of one server function in OpenNext's output, and of the project from which it was built.
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export class ServerFunction {
  /**
   * @param bundle Folder of the function.
   * @param app Folder of the site, which contains `.next`.
   */
  constructor(bundle, app) {
    this.bundle = bundle;
    this.app = app;
    // OpenNext keeps the path from the root of the repository to the site.
    this.root = app;
    while (!existsSync(join(bundle, relative(this.root, app), ".next/BUILD_ID"))) {
      const parent = dirname(this.root);
      if (parent === this.root) throw new Error(`${bundle} has no folder .next`);
      this.root = parent;
    }
  }

  /** Folder of Next.js's output in the function. */
  get dotNext() {
    return this.toBundle(join(this.app, ".next"));
  }

  /** Return the place of a file of the project in the function. */
  toBundle(file) {
    return join(this.bundle, relative(this.root, file));
  }

  /** Return the place of a file of the function in the project. */
  toProject(file) {
    return join(this.root, relative(this.bundle, file));
  }
}

/** Return the server functions in the output of OpenNext for the site in this folder. */
export function listServerFunctions(app) {
  const folder = join(app, ".open-next/server-functions");
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "index.mjs")))
    .map((name) => new ServerFunction(join(folder, name), app));
}

/** Yield the files below a folder. Links are not followed. */
export function* listFiles(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* listFiles(path);
    else if (entry.isFile()) yield path;
  }
}

/** Return the folder that `id` names for a module in `folder`, as Node.js finds packages, or undefined. */
export function findPackage(id, folder, root) {
  const name = id.split("/", id.startsWith("@") ? 2 : 1).join("/");
  for (let place = folder; ; place = dirname(place)) {
    const found = join(place, "node_modules", name);
    if (statSync(found, { throwIfNoEntry: false })?.isDirectory()) return found;
    if (place === root || place === dirname(place)) return undefined;
  }
}
