const external = process.env.EXTERNAL_ORIGIN ?? "http://127.0.0.3:9199";

export default {
  poweredByHeader: false,
  redirects: async () => [
    { source: "/old/:slug", destination: "/pages/:slug", permanent: true },
    { source: "/old-status", destination: "/pages/status", statusCode: 301 },
    { source: "/old-path/:path*", destination: "/pages/:path*", permanent: false },
    { source: "/number/:id(\\d{1,4})", destination: "/pages/number-:id", permanent: false },
    { source: "/outside", destination: "https://example.com/größe?x=y", permanent: false },
    { source: "/has-query", has: [{ type: "query", key: "q", value: "(?<term>.*)" }], destination: "/pages/found?term=:term", permanent: false },
    { source: "/has-header", has: [{ type: "header", key: "x-go", value: "yes" }], destination: "/pages/header", permanent: false },
    { source: "/has-cookie", has: [{ type: "cookie", key: "user", value: "(?<name>.+)" }], destination: "/pages/cookie-:name", permanent: false },
    { source: "/has-host", has: [{ type: "host", value: "routing\\.localhost.*" }], destination: "/pages/host", permanent: false },
    { source: "/missing-cookie", missing: [{ type: "cookie", key: "user" }], destination: "/pages/login", permanent: false },
  ],
  rewrites: async () => ({
    beforeFiles: [
      { source: "/before", destination: "/pages/before" },
      { source: "/hidden.txt", destination: "/pages/hidden" },
      { source: "/pages/overridden", destination: "/pages/replacement" },
      { source: "/before-has", has: [{ type: "query", key: "go" }], destination: "/pages/before-has" },
    ],
    afterFiles: [
      { source: "/after/:slug", destination: "/pages/:slug?from=after" },
      { source: "/visible.txt", destination: "/pages/never" },
      { source: "/after-query", destination: "/api/echo?a=1&b=2" },
      { source: "/after-regex/:path([a-z]+)", destination: "/pages/:path" },
      { source: "/external/:path*", destination: `${external}/:path*` },
      { source: "/external-encoded/:name", destination: `${external}/named?name=:name` },
    ],
    fallback: [{ source: "/fallback/:path*", destination: "/pages/fallback" }],
  }),
  headers: async () => [
    { source: "/pages/:path*", headers: [{ key: "x-pages", value: "path :path*" }] },
    { source: "/visible.txt", headers: [{ key: "x-file", value: "yes" }, { key: "cache-control", value: "public, max-age=77" }] },
    { source: "/plain/:file*", has: [{ type: "query", key: "h" }], headers: [{ key: "x-has", value: "yes" }] },
    { source: "/:path*", missing: [{ type: "header", key: "x-quiet" }], headers: [{ key: "x-loud", value: "yes" }] },
    { source: "/pages/framed", headers: [{ key: "x-frame-options", value: "DENY" }, { key: "content-security-policy", value: "default-src 'self'" }] },
    { source: "/pages/cached", headers: [{ key: "cache-control", value: "public, max-age=33, s-maxage=44" }] },
  ],
};
