import type { NextConfig } from "next";

const config: NextConfig = {
  // Inlined into the bundles during the build, so that server, browser and prerendered pages of a
  // release show the same commit, independent of the environment of the running function.
  env: {
    RELEASE_SHA: process.env.ANCHOR_COMMIT_SHA ?? "unknown",
    BUILD_GREETING: process.env.GREETING ?? "",
  },
  poweredByHeader: false,
  redirects: async () => [{ source: "/legacy/:slug", destination: "/posts/:slug", permanent: true }],
  rewrites: async () => [{ source: "/articles/:slug", destination: "/posts/:slug" }],
  headers: async () => [{ source: "/posts/:path*", headers: [{ key: "x-section", value: "posts" }] }],
};

export default config;
