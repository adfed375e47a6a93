// Checks that the native code in a server function is for its CPU, and replaces packages that are for another CPU.
import { execFileSync } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { listFiles } from "./server_function.mjs";

// Values of e_machine in the header of ELF files (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html).
const MACHINES = { 0x3e: "x64", 0xb7: "arm64" };
const NATIVE = /\.(node|so)(\.|$)/;
export const PRISMA_ENGINE = /query_engine/;
const LOCK_FILES = ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml"];

/** Return the CPU of an ELF file for Linux: x64, arm64 or another text. Other files have none. */
export function readCpu(file) {
  const header = Buffer.alloc(20);
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, header, 0, header.length, 0);
  } finally {
    closeSync(descriptor);
  }
  if (header.toString("latin1", 0, 4) !== "\x7fELF") return undefined;
  const machine = header.readUInt16LE(18);
  return MACHINES[machine] ?? `machine ${machine}`;
}

/**
 * Return the packages of a function whose native code is only for other CPUs.
 *
 * @returns Objects with the package's folder, name, version, CPU and first such file.
 */
export function findWrongPackages(serverFunction, cpu) {
  const files = listNativeFiles(serverFunction);
  const packages = new Map();
  for (const { file, cpu: found } of files) {
    const folder = findPackageFolder(file, serverFunction.bundle);
    packages.set(folder, [...(packages.get(folder) ?? []), { file, cpu: found }]);
  }
  // Prisma looks for its engine in several packages.
  const hasPrismaEngine = files.some((each) => each.cpu === cpu && PRISMA_ENGINE.test(each.file));
  return [...packages]
    .filter(([, found]) => found.every((each) => each.cpu !== cpu && !(hasPrismaEngine && PRISMA_ENGINE.test(each.file))))
    .map(([folder, found]) => ({ folder, ...readPackage(folder), ...found[0] }));
}

/** Remove native code for other CPUs. A package could try to load it first. */
export function removeOtherCode(serverFunction, cpu) {
  for (const { file, cpu: found } of listNativeFiles(serverFunction)) if (found !== cpu) rmSync(file);
}

function listNativeFiles(serverFunction) {
  return [...listFiles(serverFunction.bundle)]
    .filter((file) => NATIVE.test(file) && file.includes("/node_modules/"))
    .map((file) => ({ file, cpu: readCpu(file) }))
    .filter(({ cpu }) => cpu);
}

/**
 * Replace packages for another CPU by the packages for this CPU.
 *
 * @param download Downloads a package to a folder: (name, version, folder).
 * @returns The packages that cannot be replaced.
 */
export function replaceWrongPackages(serverFunction, cpu, download) {
  return findWrongPackages(serverFunction, cpu).filter((wrong) => {
    const other = swapCpu(wrong.name, wrong.cpu, cpu);
    if (other !== wrong.name) {
      const folder = join(wrong.folder.slice(0, -wrong.name.length), other);
      rmSync(wrong.folder, { recursive: true });
      if (!existsSync(folder)) download(other, wrong.version, folder);
      return false;
    }
    return !copyPrebuilds(serverFunction, wrong, cpu);
  });
}

/**
 * Add native code that npm has compiled in the build, which a package prefers to the code that it contains.
 *
 * npm compiles a package if its own code does not work on this system. The tracer does not find the compiled code.
 */
export function addCompiledCode(serverFunction, cpu) {
  for (const file of [...listFiles(join(serverFunction.bundle, "node_modules"))]) {
    if (basename(file) !== "package.json") continue;
    const original = dirname(serverFunction.toProject(file));
    for (const compiled of listFiles(join(original, "build", "Release")))
      if (NATIVE.test(compiled) && readCpu(compiled) === cpu)
        copyFile(compiled, join(dirname(file), relative(original, compiled)));
  }
}

/** Return the name of the package of the same program for another CPU, such as `@img/sharp-linux-arm64`. */
export function swapCpu(name, from, to) {
  return name.replace(new RegExp(`(?<=[-/])${from}(?=-|$)`), to);
}

/** Return a function that downloads packages with npm, for a site with this root folder. */
export function createDownload(root) {
  const locks = LOCK_FILES.map((name) => join(root, name)).filter(existsSync);
  return (name, version, folder) => {
    const temporary = mkdtempSync(join(tmpdir(), "anchor-package-"));
    try {
      const options = ["--json", "--prefer-offline", "--pack-destination", temporary];
      const output = execFileSync("npm", ["pack", `${name}@${version}`, ...options], {
        cwd: temporary,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      const parsed = JSON.parse(output);
      const [{ filename, integrity }] = Array.isArray(parsed) ? parsed : Object.values(parsed);
      checkIntegrity(locks, `${name}@${version}`, integrity);
      mkdirSync(folder, { recursive: true });
      execFileSync("tar", ["-xzf", join(temporary, filename), "--strip-components=1", "-C", folder]);
    } finally {
      rmSync(temporary, { recursive: true });
    }
  };
}

function checkIntegrity(locks, id, integrity) {
  const texts = locks.map((path) => readFileSync(path, "utf8")).filter((text) => text.includes("sha512-"));
  if (texts.length > 0 && !texts.some((text) => text.includes(integrity)))
    console.log(`==> ${id} is not in the lock file. Its hash is the one of the npm registry.`);
}

function copyPrebuilds(serverFunction, wrong, cpu) {
  const original = serverFunction.toProject(wrong.folder);
  const files = [...listFiles(join(original, "prebuilds", `linux-${cpu}`))].filter((file) => readCpu(file) === cpu);
  for (const file of files) copyFile(file, join(wrong.folder, relative(original, file)));
  return files.length > 0;
}

function copyFile(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

function findPackageFolder(file, bundle) {
  let folder = dirname(file);
  while (folder !== bundle && !readPackage(folder).name) folder = dirname(folder);
  return folder;
}

function readPackage(folder) {
  try {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return { name, version };
  } catch {
    return {};
  }
}
