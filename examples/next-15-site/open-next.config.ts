import type { OpenNextConfig } from "@opennextjs/aws/types/open-next.js";

// The CPU architecture of the image function, as in ../next-site.
const cpu = process.env.ANCHOR_LAMBDA_ARCH ?? "arm64";
const streaming = { override: { wrapper: "aws-lambda-streaming" } } as const;

export default {
  default: streaming,
  functions: {
    // A separate server function. OpenNext adds the base path to the patterns.
    split: { ...streaming, routes: ["app/api/split/[...path]/route"], patterns: ["api/split/*"] },
  },
  imageOptimization: {
    install: {
      packages: ["sharp@0.35.5"],
      os: "linux",
      libc: "glibc",
      additionalArgs: `--cpu=${cpu} --prefer-offline --no-audit --no-fund`,
    },
  },
} satisfies OpenNextConfig;
