// The App Router can have a route /500 of its own. OpenNext leaves its HTML out of the cache, because the Pages Router
// has a static page of the same name.
export default {
  file: "@opennextjs/aws/dist/build/createAssets.js",
  reason: "A route /404 or /500 is rendered by a request. The patch can go when OpenNext compares pages of one router.",
  edits: [
    {
      before: "const isFileSkipped = (relativePath) =>",
      after: "const isFileSkipped = (relativePath, sourceDir) =>",
    },
    {
      before: '(relativePath.endsWith(".html") && htmlPages.has(relativePath));',
      after: '(relativePath.endsWith(".html") && htmlPages.has(relativePath) && path.basename(sourceDir) === "pages");',
    },
    {
      before: "({ relativePath }) => !isFileSkipped(relativePath),",
      after: "({ relativePath }) => !isFileSkipped(relativePath, sourceDir),",
    },
  ],
};
