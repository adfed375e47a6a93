// OpenNext removes the part of Next.js's server that runs routes with the edge runtime, because it expects a function of
// its own for each such route. With this patch, Next.js's server runs them itself, as `next start` does.
// complete_functions.mjs adds their files.
export default {
  file: "@opennextjs/aws/dist/build/patch/patches/patchNextServer.js",
  reason: "Routes with the edge runtime answer 500. It can go when OpenNext runs them in the default function.",
  edits: [
    {
      before: "fix:\n  '{return null;}'",
      // OpenNext runs middleware itself, so the manifest has none here.
      after: "fix:\n  '{return { ...require(this.middlewareManifestPath), middleware: {} };}'",
    },
    {
      before: `    // Empty the body of \`NextServer#runEdgeFunction\`
    {
        pathFilter,
        contentFilter: /runEdgeFunction\\(/,
        patchCode: createPatchCode(createEmptyBodyRule("runEdgeFunction")),
    },
`,
      after: "    // runEdgeFunction is kept.\n",
    },
  ],
};
