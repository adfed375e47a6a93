// A broken symbolic link in the folder public is a missing file under `next start`. OpenNext fails when it copies one.
export default {
  file: "@opennextjs/aws/dist/build/createAssets.js",
  reason: "A broken link in public ends the build with a stack trace. The patch can go when OpenNext leaves such links out.",
  edits: [
    {
      before: `fs.cpSync(appPublicPath, outputPath, {
            recursive: true,
            dereference: true,
        });`,
      after: `fs.cpSync(appPublicPath, outputPath, {
            recursive: true,
            dereference: true,
            filter: (file) => fs.existsSync(file) || console.log(\`==> Skipping \${file}: it is a broken link.\`),
        });`,
    },
  ],
};
