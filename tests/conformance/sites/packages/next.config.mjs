export default { serverExternalPackages: ["@napi-rs/canvas", "@resvg/resvg-js"] };
