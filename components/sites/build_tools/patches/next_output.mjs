// OpenNext reports a missing manifest with a stack trace if next build has written another output than OpenNext reads.
export default {
  file: "@opennextjs/aws/dist/build.js",
  reason: "The message does not say which option of next.config is the cause. The patch can go when OpenNext says it.",
  edits: [
    {
      before: "    buildNextjsApp(options);\n",
      after: '    buildNextjsApp(options);\n    (await import("../../../../next_output.mjs")).checkNextOutput(options);\n',
    },
  ],
};
