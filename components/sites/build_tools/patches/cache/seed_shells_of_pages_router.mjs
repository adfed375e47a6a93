export default {
  file: "@opennextjs/aws/dist/build/createAssets.js",
  reason:
    "With `fallback: true`, OpenNext stores the shell of a page of the Pages Router as a page of the App Router, and the" +
    " page answers 500. This patch can go when a shell without data has the type `page` in the seeded cache.",
  edits: [
    {
      before: '            ? safeParseJsonFile(fs.readFileSync(files.json, "utf8"), cacheFilePath)\n            : undefined;',
      after:
        '            ? safeParseJsonFile(fs.readFileSync(files.json, "utf8"), cacheFilePath)\n' +
        "            : files.html && !files.body && !files.rsc && /[\\\\/]server[\\\\/]pages[\\\\/]/.test(files.html)\n" +
        "                ? {}\n" +
        "                : undefined;",
    },
    {
      before: 'type: files.body ? "route" : files.json ? "page" : "app",',
      after: 'type: files.body ? "route" : cacheJson ? "page" : "app",',
    },
  ],
};
