/** The commit of this build (see next.config.ts). */
export const release: string = process.env.RELEASE_SHA ?? "unknown";
