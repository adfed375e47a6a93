module.exports = {
  basePath: "/shop",
  trailingSlash: true,
  i18n: {
    locales: ["en", "de", "nl-NL"],
    defaultLocale: "en",
    domains: [{ domain: "example.de", defaultLocale: "de" }],
  },
  images: { path: "/shop/_next/image/" },
  async redirects() {
    return [
      { source: "/old/:slug", destination: "/blog/:slug", permanent: true },
      { source: "/de/alt", destination: "/de/about", locale: false, permanent: false },
      { source: "/outside", destination: "/elsewhere", basePath: false, permanent: false },
    ];
  },
  async rewrites() {
    return {
      beforeFiles: [{ source: "/first", destination: "/about" }],
      afterFiles: [{ source: "/second/:id", destination: "/ssr?id=:id" }],
      fallback: [{ source: "/:path*", has: [{ type: "query", key: "fallback" }], destination: "/ssr" }],
    };
  },
  async headers() {
    return [{ source: "/about", headers: [{ key: "x-about", value: "yes" }] }];
  },
};
