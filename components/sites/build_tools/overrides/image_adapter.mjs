/**
 * The handler of the image function. It answers `/_next/image` as `NextNodeServer.handleNextImageRequest` does.
 *
 * The images of the build and public files are in the assets bucket. All other images are requested from the site's
 * public host: images that a route makes, and files that middleware or a rule with conditions can protect. As in
 * Next.js, these requests have no cookies and no other headers of the visitor.
 *
 * If middleware or another rule of the site can apply to images, the platform's wrapper asks the server before. The wrapper
 * tells the headers that the rules have set in the header `x-anchor-begun`.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { modifyRouteRegex } from "next/dist/lib/redirect-status";
import { defaultConfig } from "next/dist/server/config-shared";
import {
  fetchExternalImage,
  fetchInternalImage,
  ImageError,
  ImageOptimizerCache,
  imageOptimizer,
  sendResponse,
} from "next/dist/server/image-optimizer";
import { getExtension } from "next/dist/server/serve-static";
import { getPathMatch } from "next/dist/shared/lib/router/utils/path-match";
import { compileNonPath } from "next/dist/shared/lib/router/utils/prepare-destination";
import { loadConfig } from "../node_modules/@opennextjs/aws/dist/adapters/config/util.js";
import { debug, error } from "../node_modules/@opennextjs/aws/dist/adapters/logger.js";
import { setNodeEnv } from "../node_modules/@opennextjs/aws/dist/adapters/util.js";
import { createGenericHandler } from "../node_modules/@opennextjs/aws/dist/core/createGenericHandler.js";
import { resolveImageLoader } from "../node_modules/@opennextjs/aws/dist/core/resolve.js";
import { OpenNextNodeResponse } from "../node_modules/@opennextjs/aws/dist/http/openNextResponse.js";
import { compareSemver } from "../node_modules/@opennextjs/aws/dist/utils/semver.js";

setNodeEnv();

const UPSTREAM_TIMEOUT_MS = 20_000;
// `next start` sends public files with the first value. From it, Next.js computes how long an image may be kept.
const PUBLIC_FILE_CACHING = "public, max-age=0";
const HASHED_FILE_CACHING = "public, max-age=31536000, immutable";
const BEGUN_HEADER = "x-anchor-begun";
const HOP_BY_HOP = new Set(["connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"]);

const config = loadConfig(path.join(__dirname, ".next"));
const nextConfig = {
  ...defaultConfig,
  ...config,
  experimental: { ...defaultConfig.experimental, ...config.experimental },
  images: { ...defaultConfig.images, ...config.images },
};
const maximumBytes = nextConfig.images.maximumResponseBody ?? 50_000_000;
const routes = readRoutes();
const siteHeaders = findSiteHeaders();
const isNext16 = compareSemver(globalThis.nextVersion, ">=", "16.0.0");
let loader;

export const handler = await createGenericHandler({ handler: answer, type: "imageOptimization" });

/**
 * Return the headers that `headers()` of the site's configuration sets for optimized images.
 *
 * Rules with conditions are left out, because CloudFront keeps an image for all visitors.
 */
function findSiteHeaders() {
  const found = {};
  for (const rule of routes.headers ?? []) {
    const match = getPathMatch(rule.source, {
      strict: true,
      removeUnnamedParams: true,
      regexModifier: (regex) => (rule.internal ? regex : modifyRouteRegex(regex)),
      sensitive: nextConfig.experimental.caseSensitiveRoutes,
    });
    const params = !rule.has && !rule.missing && match(`${nextConfig.basePath}/_next/image`);
    if (!params) continue;
    const compile = (text) => (Object.keys(params).length > 0 ? compileNonPath(text, params) : text);
    for (const { key, value } of rule.headers) found[compile(key).toLowerCase()] = compile(value);
  }
  return found;
}

function readRoutes() {
  try {
    return JSON.parse(readFileSync(path.join(__dirname, ".next", "routes-manifest.json"), "utf8"));
  } catch (failure) {
    if (failure.code === "ENOENT") return {};
    throw failure;
  }
}

/** Return the path to which Next.js redirects a path because of its trailing slash; undefined if it does not. */
function findOtherSlash(rawPath) {
  const isRedirected = routes.redirects?.some(({ internal, regex }) => internal && new RegExp(regex).test(rawPath));
  if (!isRedirected) return undefined;
  return rawPath.endsWith("/") ? rawPath.slice(0, -1) : `${rawPath}/`;
}

/** Return the response to a request for `/_next/image`, and write it to the stream if the wrapper has one. */
export async function answer(event, options) {
  debug("image request", event);
  const begun = event.headers[BEGUN_HEADER];
  const res = new RecordedResponse(begun === undefined ? { status: 200, headers: siteHeaders } : JSON.parse(begun));
  try {
    await respond(event, res);
  } catch (failure) {
    if (!(failure instanceof ImageError)) error("The image was not optimized.", failure);
    res.fail(failure instanceof ImageError ? failure : { statusCode: 500, message: "Internal Server Error" });
  }
  if (options?.streamCreator) {
    const stream = new OpenNextNodeResponse(
      () => undefined,
      async () => undefined,
      options.streamCreator,
    );
    stream.statusCode = res.statusCode;
    for (const [name, value] of Object.entries(res.headers)) stream.setHeader(name, value);
    stream.end(res.body);
  }
  return {
    type: "core",
    statusCode: res.statusCode,
    headers: res.headers,
    body: Readable.toWeb(Readable.from([res.body])),
    isBase64Encoded: true,
  };
}

async function respond({ method, headers, query, rawPath, url }, res) {
  const otherSlash = findOtherSlash(rawPath);
  if (otherSlash) return res.redirect(`${otherSlash}${/\?.*$/s.exec(url)?.[0] ?? ""}`);
  const { loader: configuredLoader, unoptimized } = nextConfig.images;
  if (configuredLoader !== "default" || unoptimized) return sendNotFoundPage(headers, res);
  const params = ImageOptimizerCache.validateParams({ headers }, query ?? {}, nextConfig, false);
  if ("errorMessage" in params) return res.fail({ statusCode: 400, message: params.errorMessage });
  const upstream = params.isAbsolute ? await fetchExternal(params.href) : await fetchInternal(params.href, headers);
  const image = await imageOptimizer(upstream, params, nextConfig, { isDev: false });
  sendResponse(
    { method, headers },
    res,
    params.href,
    getExtension(image.contentType),
    image.buffer,
    image.etag,
    params.isStatic,
    "MISS",
    nextConfig.images,
    image.maxAge,
    false,
  );
}

function fetchExternal(href) {
  const { dangerouslyAllowLocalIP, maximumRedirects } = nextConfig.images;
  return isNext16
    ? fetchExternalImage(href, dangerouslyAllowLocalIP, maximumBytes, maximumRedirects)
    : fetchExternalImage(href, maximumBytes);
}

function fetchInternal(href, headers) {
  const request = { method: "GET", headers: {}, socket: {} };
  return fetchInternalImage(href, request, {}, maximumBytes, (_req, res) => sendSource(href, headers, res));
}

/** Write the image that the site has at a URL. */
async function sendSource(href, headers, res) {
  // The URL parser encodes what is not encoded yet.
  const url = new URL(href, getPublicOrigin(headers));
  const isHashed = url.pathname.startsWith(`${nextConfig.basePath}/_next/static/`);
  const isFreelyReadable = isHashed || !isConditional(url.pathname);
  const stored = isFreelyReadable ? await loadFile(url.pathname, isHashed) : undefined;
  const { status, contentType, cacheControl, body } = stored ?? (await request(url));
  res.statusCode = status;
  if (contentType) res.setHeader("Content-Type", contentType);
  if (cacheControl) res.setHeader("Cache-Control", cacheControl);
  await new Promise((resolve, reject) => {
    body.once("error", reject);
    res.once("finish", resolve).once("error", reject);
    body.pipe(res);
  });
}

/** Return whether a rule of the site can change the answer for a path, according to the platform's wrapper. */
function isConditional(pathname) {
  return globalThis[Symbol.for("anchor.classifyPath")]?.(pathname).isConditional ?? false;
}

/** Return a file of the assets bucket, or undefined if there is none. */
async function loadFile(pathname, isHashed) {
  let key;
  try {
    key = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  // The bucket has no names with dot segments, and a leading slash of the rest would start another path.
  if (key.includes("\0") || key.includes("//") || /(^|\/)\.\.?(\/|$)/.test(key)) return undefined;
  loader ??= await resolveImageLoader(globalThis.openNextConfig.imageOptimization?.loader);
  try {
    // The header in the bucket is meant for CloudFront.
    const { body, contentType } = await loader.load(key);
    return body ? { status: 200, body, contentType, cacheControl: isHashed ? HASHED_FILE_CACHING : PUBLIC_FILE_CACHING } : undefined;
  } catch (failure) {
    // Without the right to list the bucket, S3 answers 403 for a missing object.
    if (["NoSuchKey", "AccessDenied"].includes(failure.name) || /does not exist|Status code: 403/.test(failure.message)) {
      return undefined;
    }
    throw failure;
  }
}

async function request(url) {
  const answered = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(UPSTREAM_TIMEOUT_MS) });
  return {
    status: answered.status,
    contentType: answered.headers.get("content-type"),
    cacheControl: answered.headers.get("cache-control"),
    body: answered.body ? Readable.fromWeb(answered.body) : Readable.from([]),
  };
}

/** Answer with the site's own 404 page, as Next.js does if it optimizes no images. */
async function sendNotFoundPage(headers, res) {
  const url = new URL(`${nextConfig.basePath}/_next/image/none`, getPublicOrigin(headers));
  const page = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(UPSTREAM_TIMEOUT_MS) });
  for (const [name, value] of page.headers) {
    if (!HOP_BY_HOP.has(name)) res.setHeader(name, value);
  }
  res.statusCode = 404;
  res.end(Buffer.from(await page.arrayBuffer()));
}

function getPublicOrigin(headers) {
  const protocol = headers["x-forwarded-proto"]?.split(",", 1)[0].trim() === "http" ? "http" : "https";
  return `${protocol}://${headers["x-forwarded-host"] ?? headers.host}`;
}

/** The part of Node.js's response that Next.js's `sendResponse` uses. */
class RecordedResponse {
  body = Buffer.alloc(0);

  /** @param begun the status, and the headers of rules of the site. Those of the image replace them */
  constructor(begun) {
    this.statusCode = begun.status;
    this.begun = begun.headers;
    this.headers = { ...begun.headers };
  }

  setHeader(name, value) {
    this.headers[name.toLowerCase()] = String(value);
  }

  getHeader(name) {
    return this.headers[name.toLowerCase()];
  }

  removeHeader(name) {
    delete this.headers[name.toLowerCase()];
  }

  end(body = Buffer.alloc(0)) {
    this.body = Buffer.from(body);
  }

  redirect(location) {
    this.statusCode = 308;
    this.setHeader("Location", location);
    this.setHeader("Refresh", `0;url=${location}`);
    this.end(location);
  }

  fail({ statusCode, message }) {
    this.statusCode = statusCode;
    this.headers = { ...this.begun };
    this.end(message);
  }
}
