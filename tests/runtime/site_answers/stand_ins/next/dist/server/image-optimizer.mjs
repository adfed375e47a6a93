// The parts of Next.js that the image adapter uses, with the decisions of the tests.
export const defaultConfig = { experimental: {}, images: {} };

export class ImageError extends Error {
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}

export class ImageOptimizerCache {
  static validateParams(_req, { url }) {
    if (!url) return { errorMessage: '"url" parameter is required' };
    return { href: url, isAbsolute: !url.startsWith("/"), isStatic: url.startsWith("/_next/static/media") };
  }
}

export async function fetchExternalImage(...given) {
  return { buffer: Buffer.from(JSON.stringify(given)), contentType: "image/png" };
}

export async function fetchInternalImage(href, request, _res, _maximum, handleRequest) {
  const { Writable } = await import("node:stream");
  const chunks = [];
  const res = new Writable({ write: (chunk, _encoding, done) => done(null, chunks.push(chunk)) });
  const headers = {};
  res.setHeader = (name, value) => (headers[name] = value);
  globalThis.sentHeaders = request.headers;
  await handleRequest(request, res);
  if (res.statusCode > 299) throw new ImageError(res.statusCode, "internal response is invalid");
  return { buffer: Buffer.concat(chunks), contentType: headers["Content-Type"], cacheControl: headers["Cache-Control"] };
}

export async function imageOptimizer({ buffer, contentType, cacheControl }) {
  if (contentType === "image/svg+xml") throw new ImageError(400, "image type is not allowed");
  if (contentType === "text/html") throw new TypeError("a defect");
  return { buffer, contentType, etag: "tag", maxAge: Number(cacheControl?.split("=")[1] ?? 60) };
}

export function sendResponse(req, res, href, extension, buffer, etag, isStatic, xCache, images, maxAge) {
  res.setHeader("Cache-Control", isStatic ? "public, max-age=315360000, immutable" : `public, max-age=${maxAge}, must-revalidate`);
  res.setHeader("Content-Security-Policy", images.contentSecurityPolicy);
  res.setHeader("Content-Disposition", `${images.contentDispositionType}; filename="${href.split("/").pop()}.${extension}"`);
  if (req.headers["if-none-match"] === etag) {
    res.statusCode = 304;
    return res.end();
  }
  return res.end(req.method === "HEAD" ? undefined : buffer);
}

export const getExtension = (contentType) => contentType.split("/")[1];

export const modifyRouteRegex = (regex) => regex;

export const getPathMatch = (source) => (path) => {
  if (source === "/:path*") return { path: path.slice(1).split("/") };
  return source === path ? {} : false;
};

export const compileNonPath = (text, { path }) => text.replace(":path*", path.join(""));
