export default {
  file: "@opennextjs/aws/dist/build/createImageOptimizationBundle.js",
  reason:
    "OpenNext's image function answers 500 for missing and refused images and for names with spaces, sends none of" +
    " Next.js's security headers, and cannot optimize images of the site's routes. overrides/image_adapter.mjs does." +
    " This patch can go when OpenNext sends the answers of Next.js's image optimizer.",
  edits: [
    {
      before: 'path.join(options.openNextDistDir, "adapters", "image-optimization-adapter.js"),',
      after: 'path.join(options.openNextDistDir, "../../../../overrides/image_adapter.mjs"),',
    },
    {
      before: '    fs.copyFileSync(path.join(appBuildOutputPath, ".next/BUILD_ID"), path.join(outputPath, ".next/BUILD_ID"));\n',
      after:
        '    for (const name of ["BUILD_ID", "routes-manifest.json"])\n' +
        '        fs.copyFileSync(path.join(appBuildOutputPath, ".next", name), path.join(outputPath, ".next", name));\n',
    },
  ],
};
