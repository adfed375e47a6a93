// `notFound: true` of getStaticProps is kept as an entry without a value, as long as `revalidate` says. OpenNext deletes
// the entry instead, so each request for a missing page computes it again.
export default {
  file: "@opennextjs/aws/dist/adapters/cache.js",
  reason: "A missing page is computed by each request. The patch can go when OpenNext stores missing pages.",
  edits: [
    {
      before:
        "if (data === null || data === undefined) {\n                await globalThis.incrementalCache.delete(key);\n            }",
      after:
        'if (data === null || data === undefined) {\n                await globalThis.incrementalCache.set(key, { type: "missing", ...this.extractCacheControlForSet(ctx) }, "cache");\n            }',
    },
    {
      before: 'if (cacheData?.type === "redirect") {',
      after:
        'if (cacheData?.type === "missing")\n                return { lastModified: _lastModified, cacheControl: _cacheControl, value: null };\n            if (cacheData?.type === "redirect") { // after missing pages',
    },
  ],
};
