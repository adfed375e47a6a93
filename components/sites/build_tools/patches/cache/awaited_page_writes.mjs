// OpenNext does not wait for the write of a page. A request that follows at once makes Next.js render the page again. In
// Lambda, the write of a page that is rendered after the response is perhaps never made.
export default {
  file: "@opennextjs/aws/dist/adapters/cache.js",
  reason: "A page is rendered twice after a change. The patch can go when OpenNext awaits the writes of pages.",
  edits: [
    {
      before: 'if (data?.kind === "FETCH" || store === undefined) {\n            await writePromise;\n        }',
      after: "await writePromise; // also of a page",
    },
  ],
};
