import type { NextConfig } from "next";

const config: NextConfig = {
  // All pages, files of `public/`, scripts and images are below this path. Next.js adds it to the source and
  // the destination of the redirects and rewrites below.
  basePath: "/docs",
  redirects: async () => [{ source: "/old", destination: "/articles/first", permanent: true }],
  rewrites: async () => [{ source: "/latest", destination: "/articles/second" }],
  headers: async () => [{ source: "/articles/:path*", headers: [{ key: "x-section", value: "articles" }] }],
  env: { RELEASE_SHA: process.env.ANCHOR_COMMIT_SHA ?? "unknown" },
  poweredByHeader: false,
};

export default config;
