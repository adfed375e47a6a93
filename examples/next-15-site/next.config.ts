import type { NextConfig } from "next";

const config: NextConfig = {
  // All pages, files of `public/`, scripts and images are below this path. The redirects and rewrites below do not
  // contain this path, because Next.js adds it to their source and destination.
  basePath: "/docs",
  redirects: async () => [{ source: "/old", destination: "/articles/first", permanent: true }],
  rewrites: async () => [{ source: "/latest", destination: "/articles/second" }],
  headers: async () => [{ source: "/articles/:path*", headers: [{ key: "x-section", value: "articles" }] }],
  env: { RELEASE_SHA: process.env.ANCHOR_COMMIT_SHA ?? "unknown" },
  poweredByHeader: false,
};

export default config;
