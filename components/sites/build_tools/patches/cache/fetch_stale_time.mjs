// After `revalidateTag(tag, "max")`, a fetch with `cache: "force-cache"` must be computed again. Next.js compares its
// age with 0xfffffffe seconds, but the time that OpenNext reports for a stale fetch, 1970, is only 1.8e9 seconds ago.
export default {
  file: "@opennextjs/aws/dist/adapters/cache.js",
  reason: "A stale fetch without a lifetime stays stale for ever. The patch can go when OpenNext reports an older time.",
  edits: [
    {
      before: "lastModified: _isStale ? 1 : _lastModified,",
      after: "lastModified: _isStale ? Date.now() - 2 ** 43 : _lastModified,",
    },
  ],
};
