export default {
  assetPrefix: "/assets-of-the-site",
  generateEtags: false,
  productionBrowserSourceMaps: true,
  images: {
    dangerouslyAllowSVG: true,
    contentDispositionType: "inline",
    formats: ["image/avif", "image/webp"],
    deviceSizes: [320, 640],
    imageSizes: [16, 64],
    qualities: [50, 75],
    minimumCacheTTL: 120,
    localPatterns: [{ pathname: "/pictures/**" }, { pathname: "/_next/static/media/**" }],
    remotePatterns: [{ protocol: "http", hostname: "127.0.0.3", port: "9199" }],
    dangerouslyAllowLocalIP: true,
  },
};
