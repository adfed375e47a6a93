export default {
  file: "@opennextjs/aws/dist/core/createMainHandler.js",
  reason:
    "OpenNext reimplements the routing of Next.js and differs from it in many details. overrides/router.mjs uses the" +
    " router server of Next.js instead. This patch can go when OpenNext uses the router server itself.",
  edits: [
    {
      before: 'import { openNextHandler } from "./requestHandler";',
      after: 'import { openNextHandler } from "../../../../../overrides/router.mjs";',
    },
  ],
};
