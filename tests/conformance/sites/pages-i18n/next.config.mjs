export default {
  trailingSlash: true,
  i18n: { locales: ["en", "de", "fr-CA"], defaultLocale: "en" },
  redirects: async () => [
    { source: "/old", destination: "/about", permanent: true },
    { source: "/nur-deutsch", destination: "/de/about/", permanent: false, locale: false },
  ],
  rewrites: async () => [{ source: "/ueber", destination: "/about" }],
  headers: async () => [{ source: "/about", headers: [{ key: "x-section", value: "about" }] }],
};
