import type { OpenNextConfig } from "@opennextjs/aws/types/open-next.js";

// The image function contains the package sharp, which is native code. Therefore the build needs the CPU architecture
// of the function, in npm's terms: arm64 or x64. The platform sets this variable.
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
      // These options cannot be in .npmrc, because OpenNext runs `npm install` in a temporary folder.
      additionalArgs: `--cpu=${cpu} --prefer-offline --no-audit --no-fund`,
    },
  },
} satisfies OpenNextConfig;
