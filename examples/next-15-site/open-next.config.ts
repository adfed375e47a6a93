// The platform completes this configuration. It sets only what differs from the platform's own.
export default {
  functions: {
    // A separate server function. The patterns are without the base path, because OpenNext adds it.
    split: { routes: ["app/api/split/[...path]/route"], patterns: ["api/split/*"] },
  },
};
