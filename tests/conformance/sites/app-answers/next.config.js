module.exports = {
  async rewrites() {
    return [{ source: "/rewritten/:id", destination: "/open/:id?from=rewrite" }];
  },
  async redirects() {
    return [{ source: "/old/:path+", destination: "/docs/:path+", permanent: true }];
  },
};
