import createMDX from "@next/mdx";

export default createMDX()({
  pageExtensions: ["tsx", "ts", "mdx"],
  output: "standalone",
  compiler: { removeConsole: true },
  env: { FROM_CONFIG: "from the configuration" },
});
