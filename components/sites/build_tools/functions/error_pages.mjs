// Puts the static error pages into a server function, which Next.js sends for the paths /404 and /500.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ERROR_PAGE = /\/(404|500)$/;

/** Add the error pages that are files of HTML. OpenNext adds only pages that are code. */
export function addErrorPages(serverFunction) {
  const server = join(serverFunction.app, ".next/server");
  const list = serverFunction.toBundle(join(server, "pages-manifest.json"));
  const pages = JSON.parse(readFileSync(list, "utf8"));
  const built = JSON.parse(readFileSync(join(server, "pages-manifest.json"), "utf8"));
  for (const [page, file] of Object.entries(built)) {
    if (!ERROR_PAGE.test(page) || !file.endsWith(".html") || page in pages) continue;
    const copy = serverFunction.toBundle(join(server, file));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(join(server, file), copy);
    pages[page] = file;
  }
  writeFileSync(list, JSON.stringify(pages));
}
