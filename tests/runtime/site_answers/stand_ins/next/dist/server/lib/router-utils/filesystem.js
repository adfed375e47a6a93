Object.defineProperty(exports, "setupFsCheck", {
  enumerable: true,
  get: () => async () => ({ getItem: async (path) => (path.startsWith("/docs/none") ? null : { type: "pageFile", itemPath: path }) }),
});
