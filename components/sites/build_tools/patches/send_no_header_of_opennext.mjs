export default {
  file: "@opennextjs/aws/dist/core/routing/util.js",
  reason: "OpenNext adds the header X-OpenNext to every answer. This patch can go when a site can switch it off.",
  edits: [
    {
      before: '    if (NextConfig.poweredByHeader) {\n        headers["X-OpenNext"] = "1";\n    }\n',
      after: "    // X-OpenNext is left out.\n",
    },
  ],
};
