import type { OpenNextConfig } from "@opennextjs/aws/types/open-next.js";

// As in ../next-site: the CPU that the image function will run on.
const cpu = process.env.ANCHOR_LAMBDA_ARCH ?? "arm64";
const streaming = { override: { wrapper: "aws-lambda-streaming" } } as const;

export default {
  default: streaming,
  functions: {
    // A server function of its own; the patterns are without the base path, which OpenNext adds.
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
