export default {
  basePath: "/shop",
  trailingSlash: true,
  typescript: { ignoreBuildErrors: true },
  async rewrites() {
    return [{ source: "/rewritten/:id", destination: "/isr/:id" }];
  },
};
