// Next.js builds a site without a next.config file. OpenNext refuses it, although it does not read the file.
export default {
  file: "@opennextjs/aws/dist/build.js",
  reason: "A site without next.config is refused. The patch can go when OpenNext accepts such a site.",
  edits: [
    {
      before: "    buildHelper.checkRunningInsideNextjsApp(options);\n",
      after: "    /* A site needs no next.config. */\n",
    },
  ],
};
