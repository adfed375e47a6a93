// Next.js answers a prefetch of one segment with the whole page if the build made no segments of this page. With an empty
// map, it answers 204 instead, and its client requests the page a second time.
export default {
  file: "@opennextjs/aws/dist/adapters/cache.js",
  reason: "A prefetched segment is missing. The patch can go when OpenNext returns no segments for such a page.",
  edits: [
    {
      before: "const segmentData = new Map();",
      after: "const segmentData = cacheData.segmentData ? new Map() : undefined;",
    },
  ],
};
