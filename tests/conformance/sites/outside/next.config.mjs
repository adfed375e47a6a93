// A server whose certificate nobody trusts.
const untrusted = "https://127.0.0.3:9198";

export default {
  images: { remotePatterns: [new URL(`${untrusted}/**`)], dangerouslyAllowLocalIP: true },
  redirects: async () => [{ source: "/shared/old", destination: "/?from=old", permanent: false }],
  rewrites: async () => [{ source: "/untrusted/:path*", destination: `${untrusted}/:path*` }],
};
