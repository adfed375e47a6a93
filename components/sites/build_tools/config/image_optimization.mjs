// The image function contains the package sharp, which is native code for the CPU of the function. The build sets both
// variables; in a function, nothing reads this value.
const { ANCHOR_LAMBDA_ARCH, ANCHOR_SHARP_VERSION } = process.env;

export const imageOptimization = {
  install: {
    packages: [`sharp@${ANCHOR_SHARP_VERSION}`],
    os: "linux",
    libc: "glibc",
    additionalArgs: `--cpu=${ANCHOR_LAMBDA_ARCH} --prefer-offline --no-audit --no-fund`,
  },
};
