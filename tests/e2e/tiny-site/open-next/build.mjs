#!/usr/bin/env node
// A fake OpenNext. It copies the folder `output` of the repository to `.open-next`, where OpenNext writes its output.
// If the repository contains `before-build.mjs`, the fake runs this file first, because real builds also run code of
// the repository.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
if (existsSync("before-build.mjs")) await import(pathToFileURL("before-build.mjs"));
cpSync("output", ".open-next", { recursive: true });
for (const file of ["server-functions/default/index.mjs"]) {
  const path = `.open-next/${file}`;
  writeFileSync(path, readFileSync(path, "utf8").replaceAll("@COMMIT@", commit));
}
mkdirSync(".open-next/assets/_next/static/chunks", { recursive: true });
writeFileSync(`.open-next/assets/_next/static/chunks/${commit}.js`, `self.release = "${commit}";\n`);
