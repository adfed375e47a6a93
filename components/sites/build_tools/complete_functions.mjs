// Completes the server functions of OpenNext's output, and refuses what cannot work: node complete_functions.mjs
//
// It runs in the folder of the site after `open-next build`. ANCHOR_LAMBDA_ARCH is the CPU of the functions.
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { addEdgeFunctions } from "./functions/edge_functions.mjs";
import { addErrorPages } from "./functions/error_pages.mjs";
import { addCompiledCode, createDownload, PRISMA_ENGINE, removeOtherCode, replaceWrongPackages } from "./functions/native_code.mjs";
import { addMissingPackages, findMissingImports, replaceAliases, withoutHash } from "./functions/packages.mjs";
import { listServerFunctions } from "./functions/server_function.mjs";

/** A server function needs something that cannot be in it. The message has the cause and the next step. */
export class FunctionError extends Error {
  constructor(cause, nextStep) {
    super(`==> FAILED: ${cause}\n==> What to do: ${nextStep}`);
  }
}

/**
 * Complete the functions of the site in this folder.
 *
 * @param cpu CPU of the functions: x64 or arm64.
 * @param download Downloads a package to a folder: (name, version, folder). Tests pass a fake.
 * @throws FunctionError A function needs something that cannot be in it.
 */
export async function completeFunctions(app, cpu, download) {
  for (const serverFunction of listServerFunctions(app)) {
    addErrorPages(serverFunction);
    await addEdgeFunctions(serverFunction);
    const added = await addMissingPackages(serverFunction);
    if (added.length > 0) console.log(`==> Added to the server function: ${added.map(withoutHash).join(", ")}`);
    const missing = findMissingImports(serverFunction);
    if (missing.length > 0)
      throw new FunctionError(
        `The server function imports ${missing.map(withoutHash).join(", ")}, which could not be added to it.`,
        "Bundle the package by removing it from serverExternalPackages in next.config, or replace it.",
      );
    replaceAliases(serverFunction);
    addCompiledCode(serverFunction, cpu);
    const wrong = replaceWrongPackages(serverFunction, cpu, download ?? createDownload(serverFunction.root));
    if (wrong.length > 0) throw describeWrongPackages(serverFunction, wrong, cpu);
    removeOtherCode(serverFunction, cpu);
  }
}

function describeWrongPackages(serverFunction, wrong, cpu) {
  const found = wrong.map(
    (each) => `${each.name ?? "a package"} for ${each.cpu} (${relative(serverFunction.bundle, each.file)})`,
  );
  const isPrisma = wrong.every((each) => PRISMA_ENGINE.test(each.file));
  return new FunctionError(
    `The functions run on linux-${cpu}, but the server function contains native code of ${found.join(", ")}.`,
    isPrisma
      ? `Add "linux-${cpu}-openssl-3.0.x" to binaryTargets in the Prisma schema, and push again.`
      : `Use a package that publishes native code for linux-${cpu} in packages of its own (such as @node-rs/bcrypt or` +
          " @napi-rs/canvas), or ask the operator for functions with another CPU architecture.",
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  try {
    await completeFunctions(process.cwd(), process.env.ANCHOR_LAMBDA_ARCH);
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    console.log(error.message);
    process.exit(1);
  }
