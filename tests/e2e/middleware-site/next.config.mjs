// These variables choose the variant of the site (`Variant` in test_middleware.py).
const { SITE_BASE_PATH, SITE_TRAILING_SLASH, SITE_LOCALES } = process.env;

export default {
  basePath: SITE_BASE_PATH,
  trailingSlash: Boolean(SITE_TRAILING_SLASH),
  i18n: SITE_LOCALES ? { locales: SITE_LOCALES.split(","), defaultLocale: SITE_LOCALES.split(",")[0] } : undefined,
  headers: async () => [
    {
      source: "/api/conditional",
      has: [{ type: "cookie", key: "user" }],
      headers: [{ key: "x-user", value: "known" }],
    },
  ],
  rewrites: async () => [
    { source: "/api/conditional", has: [{ type: "cookie", key: "bucket" }], destination: "/api/by-cookie" },
    { source: "/api/conditional", destination: "/api/feed" },
  ],
  poweredByHeader: false,
  typescript: { ignoreBuildErrors: true },
  eslint: process.env.SITE_NEXT_15 ? { ignoreDuringBuilds: true } : undefined,
};
