import type { NextConfig } from "next";

const config: NextConfig = {
  // Everything of the site is below this path: pages, files of `public/`, scripts and images. Next.js adds it
  // to both sides of what follows.
  basePath: "/docs",
  redirects: async () => [{ source: "/old", destination: "/articles/first", permanent: true }],
  rewrites: async () => [{ source: "/latest", destination: "/articles/second" }],
  headers: async () => [{ source: "/articles/:path*", headers: [{ key: "x-section", value: "articles" }] }],
  env: { RELEASE_SHA: process.env.ANCHOR_COMMIT_SHA ?? "unknown" },
  poweredByHeader: false,
};

export default config;
