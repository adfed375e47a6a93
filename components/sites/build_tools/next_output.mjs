// Checks what next build has written, before OpenNext reads it (patches/next_output.mjs).
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Return the cause and the next step if OpenNext cannot read the output of next build, or undefined. */
export function findOutputProblem(folder) {
  if (existsSync(join(folder, ".next", "export-detail.json")))
    return [
      'next.config sets output: "export", so next build has written static files and no server.',
      'Remove output: "export" from next.config. The platform serves the same pages, prerendered.',
    ];
  if (!existsSync(join(folder, ".next", "BUILD_ID")))
    return [
      "The build command has not written the folder .next.",
      "Remove distDir from next.config, and check that the build script runs next build.",
    ];
  return undefined;
}

/** End the build if OpenNext cannot read the output of next build. */
export function checkNextOutput({ appBuildOutputPath }) {
  const problem = findOutputProblem(appBuildOutputPath);
  if (!problem) return;
  console.log(`==> FAILED: ${problem[0]}\n==> What to do: ${problem[1]}`);
  process.exit(3); // steps.sh does not report this failure again
}
