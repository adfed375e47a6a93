import type { NextConfig } from "next";

const config: NextConfig = {
  // Read while building and written into the bundles: server, browser and prerendered pages of one
  // release all name the same commit, whatever the environment of the running function says.
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
