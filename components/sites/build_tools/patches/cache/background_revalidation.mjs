// OpenNext prevents Next.js from rendering a stale page after its answer, and sends the page to a queue instead. With
// this patch, Next.js renders the page itself if its function instance obtains the claim (revalidation_claims.mjs).
export default {
  file: "@opennextjs/aws/dist/build/patch/patches/patchBackgroundRevalidation.js",
  reason:
    "OpenNext has no extension point for the revalidation inside of the server. The patch can go when OpenNext lets" +
    " Next.js revalidate its pages, with a hook that decides per page.",
  edits: [
    {
      before: "fix:\n  'true'`;",
      after:
        "fix: |-\n  !$ENTRY.isStale || $CONTEXT.isPrefetch || !(await (globalThis.anchorClaimRevalidation?.() ?? true))`;",
    },
  ],
};
