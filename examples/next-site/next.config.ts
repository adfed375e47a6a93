import type { NextConfig } from "next";

const config: NextConfig = {
  // Next.js writes these values into the code during the build. So the server, the browser and the prerendered pages
  // of a release show the same commit, even if the running function has other environment variables.
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
