import type { OpenNextConfig } from "@opennextjs/aws/types/open-next.js";

// The CPU architecture of the image function (see the same file of ../next-site).
const cpu = process.env.ANCHOR_LAMBDA_ARCH ?? "arm64";
const streaming = { override: { wrapper: "aws-lambda-streaming" } } as const;

export default {
  default: streaming,
  functions: {
    // A separate server function. The patterns are without the base path, because OpenNext adds it.
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
