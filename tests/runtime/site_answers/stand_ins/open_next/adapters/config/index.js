export const BuildId = "BUILD";
export const FunctionsConfigManifest = { functions: {} };
export const MiddlewareManifest = { middleware: { "/": { matchers: [] } } };
export const NextConfig = { basePath: "/docs", compress: true, i18n: { locales: ["en", "de"] }, trailingSlash: false };
export const PrerenderManifest = { preview: { previewModeId: "PREVIEW" } };
