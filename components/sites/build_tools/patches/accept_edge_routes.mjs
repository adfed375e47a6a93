// webpack builds write no list of files for a route with the edge runtime, and OpenNext then ends the build.
// complete_functions.mjs adds the files of such routes.
export default {
  file: "@opennextjs/aws/dist/build/copyTracedFiles.js",
  reason: "Sites with an edge route cannot be built with webpack. It can go together with run_edge_routes.",
  edits: [
    {
      before: `            if (existsSync(path.join(dotNextDir, serverPath))) {
                //TODO: add a link to the docs`,
      after: `            if (existsSync(path.join(dotNextDir, serverPath))) {
                return;
                //TODO: add a link to the docs`,
    },
  ],
};
