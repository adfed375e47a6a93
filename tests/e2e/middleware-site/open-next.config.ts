import type { OpenNextConfig } from "@opennextjs/aws/types/open-next.js";

// The image function carries sharp, which is native code: the one part of the output that depends on
// the CPU it will run on. The platform says which, in npm's words: arm64 or x64.
const cpu = process.env.ANCHOR_LAMBDA_ARCH ?? "arm64";

export default {
  default: {
    override: { wrapper: "aws-lambda-streaming" },
  },
  imageOptimization: {
    install: {
      packages: ["sharp@0.35.5"],
      os: "linux",
      libc: "glibc",
      // OpenNext runs `npm install` in a temporary folder, away from this folder's .npmrc.
      additionalArgs: `--cpu=${cpu} --prefer-offline --no-audit --no-fund`,
    },
  },
} satisfies OpenNextConfig;
