export default {
  file: "@opennextjs/aws/dist/core/util.js",
  reason: "overrides/router.mjs needs the server that OpenNext creates. This patch goes together with that file.",
  edits: [{ before: "\nconst nextServer = new NextServer.default({", after: "\nexport const nextServer = new NextServer.default({" }],
};
