import type { OpenNextConfig } from "@opennextjs/aws/types/open-next.js";

// The image function contains sharp, which is native code. Therefore the build needs the CPU architecture of the
// function, in npm's terms: arm64 or x64. The platform sets it.
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
      // OpenNext runs `npm install` in a temporary folder, where this folder's .npmrc does not apply.
      additionalArgs: `--cpu=${cpu} --prefer-offline --no-audit --no-fund`,
    },
  },
} satisfies OpenNextConfig;
