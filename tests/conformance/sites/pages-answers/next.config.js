const external = process.env.EXTERNAL_URL ?? "https://external.invalid";

module.exports = {
  images: {
    dangerouslyAllowSVG: true,
    formats: ["image/avif", "image/webp"],
    qualities: [50, 75],
    minimumCacheTTL: 120,
    localPatterns: [{ pathname: "/**", search: "" }, { pathname: "/api/image", search: "?color=red" }],
    remotePatterns: [{ protocol: "https", hostname: "images.invalid" }],
  },
  async redirects() {
    return [
      { source: "/old/:slug", destination: "/posts/:slug", permanent: true },
      { source: "/moved/:path*", destination: "https://example.com/:path*", permanent: false },
      { source: "/see-other", destination: "/about", statusCode: 303 },
      {
        source: "/campaign",
        has: [{ type: "query", key: "code", value: "(?<code>.*)" }],
        destination: "/about?campaign=:code",
        permanent: false,
      },
      {
        source: "/by-header",
        has: [{ type: "header", key: "x-team", value: "(?<team>[a-z]+)" }],
        missing: [{ type: "cookie", key: "stay" }],
        destination: "/teams/:team",
        permanent: false,
      },
      { source: "/with-hash", destination: "/about?x=1#part", permanent: false },
      { source: "/query-kept", destination: "/about?a=1", permanent: false },
    ];
  },
  async rewrites() {
    return {
      beforeFiles: [
        { source: "/about", has: [{ type: "query", key: "variant", value: "b" }], destination: "/about-b" },
        { source: "/plain.txt", has: [{ type: "header", key: "x-variant" }], destination: "/about-b" },
        { source: "/chain-1", destination: "/chain-2" },
        { source: "/chain-2", destination: "/ssr/chained?step=2" },
      ],
      afterFiles: [
        { source: "/rewritten/:id", destination: "/ssr/:id" },
        { source: "/with-query/:id", destination: "/ssr/fixed?from=:id" },
        { source: "/params-to-query/:first/:second", destination: "/ssr/query" },
        { source: "/to-catch-all/:path*", destination: "/docs/:path*" },
        { source: "/to-api/:name", destination: "/api/echo?name=:name" },
        { source: "/to-external/:path*", destination: `${external}/:path*` },
        { source: "/missing-cookie", missing: [{ type: "cookie", key: "seen" }], destination: "/about" },
      ],
      fallback: [{ source: "/fallback/:path*", destination: "/ssr/fallback" }],
    };
  },
  async headers() {
    return [
      { source: "/about", headers: [{ key: "x-about", value: "yes" }, { key: "x-twice", value: "first" }] },
      { source: "/:path*", headers: [{ key: "x-everywhere", value: "path-:path*" }] },
      { source: "/ssr/:id", headers: [{ key: "x-id", value: ":id" }, { key: "set-cookie", value: "from-config=1" }] },
      {
        source: "/posts/:slug",
        has: [{ type: "cookie", key: "theme", value: "(?<theme>.+)" }],
        headers: [{ key: "x-theme", value: ":theme" }],
      },
    ];
  },
};
