/**
 * Replaces OpenNext's `core/requestHandler.js`: Next.js's own router server decides about each request.
 *
 * OpenNext reimplements the routing of Next.js, and differs from it in many details: bodies of redirects, data
 * requests, encoded values, headers of rewritten and decoded paths, locales, `fallback: false`. `next start` uses
 * `next/dist/server/lib/router-server`. This module uses it, too. Only three parts are different:
 *
 *   - the render server is OpenNext's Next.js server, with OpenNext's caches;
 *   - middleware runs in the bundle that OpenNext makes of it;
 *   - public files come from the asset resolver, because the function's code does not contain them.
 *
 * The image function makes optimized images. If a rule of the site can apply to them, it asks this module before
 * (runtime/deploy/releases/origin/anchor-image-server.mjs).
 */
import { AsyncLocalStorage } from "node:async_hooks";
import http from "node:http";
import { debug } from "../node_modules/@opennextjs/aws/dist/adapters/logger.js";
import { FunctionsConfigManifest, MiddlewareManifest, NextConfig, PrerenderManifest } from "../node_modules/@opennextjs/aws/dist/adapters/config/index.js";
import { runWithOpenNextRequestContext } from "../node_modules/@opennextjs/aws/dist/utils/promise.js";
import { ISR_HEADER, PRERENDER_REVALIDATE_HEADER } from "../node_modules/@opennextjs/aws/dist/utils/cacheHeaders.js";
import { convertRes } from "../node_modules/@opennextjs/aws/dist/core/routing/util.js";
import { nextServer } from "../node_modules/@opennextjs/aws/dist/core/util.js";
import { OpenNextNodeResponse } from "../node_modules/@opennextjs/aws/dist/http/openNextResponse.js";

globalThis.__openNextAls = new AsyncLocalStorage();
// For the platform's wrapper: this module answers the image function.
globalThis[Symbol.for("anchor.decidesAboutImages")] = true;

const ROUTER_SERVER = "next/dist/server/lib/router-server.js";
const RENDER_SERVER = "next/dist/server/lib/render-server.js";
const FILE_SYSTEM = "next/dist/server/lib/router-utils/filesystem.js";
const PROXY_REQUEST = "next/dist/server/lib/router-utils/proxy-request.js";
const SERVE_STATIC = "next/dist/server/serve-static.js";
const IMAGE_HEADER = "x-anchor-image";
const { addRequestMeta, getRequestMeta } = require("next/dist/server/request-meta.js");
const { splitCookiesString } = require("next/dist/server/web/utils.js");
const { urlQueryToSearchParams } = require("next/dist/shared/lib/router/utils/querystring.js");
// The router server builds absolute URLs from a host name and a port. Every request has its own public host, so
// these URLs are replaced before the site sees them.
const INTERNAL_HOST = "localhost";
const INTERNAL_PORT = 3000;

let routerServer;

/**
 * Answers a request.
 *
 * @param internalEvent The request as the converter returns it
 * @param options The stream creator and `waitUntil` of the wrapper
 * @returns The response; if there is a stream creator, the response was already written to it
 */
export async function openNextHandler(internalEvent, options) {
  const headers = internalEvent.headers;
  const asksAboutImage = headers[IMAGE_HEADER] !== undefined;
  delete headers[IMAGE_HEADER]; // the site must not see it
  const context = {
    isISRRevalidation: headers[ISR_HEADER] === "1",
    waitUntil: options?.waitUntil,
    requestId: Math.random().toString(36),
  };
  return runWithOpenNextRequestContext(context, async () => {
    await globalThis.__next_route_preloader("waitUntil");
    if (headers["x-forwarded-host"]) headers.host = headers["x-forwarded-host"];
    const protocol = headers["x-forwarded-proto"]?.split(",", 1)[0].trim() === "http" ? "http" : "https";
    headers["x-forwarded-port"] = /:(\d+)$/.exec(headers.host)?.[1] ?? (protocol === "https" ? "443" : "80");
    // The URL parser would change some characters of the query.
    const [, query] = /\?(.*)$/s.exec(internalEvent.url) ?? [];
    const target = `${internalEvent.rawPath}${query === undefined ? "" : `?${query}`}`;
    const routed = {
      asksAboutImage,
      internalEvent: { ...internalEvent, headers },
      initialURL: `${protocol}://${headers.host}${target}`,
      isExternalRewrite: false,
      isISR: false,
      origin: false,
    };
    const store = globalThis.__openNextAls.getStore();
    Object.assign(store, { host: headers.host, mergeHeadersPriority: "middleware", routed });
    debug("internalEvent", internalEvent);
    const req = new HttpRequest(routed.internalEvent, { protocol, target });
    const res = new SiteResponse(() => undefined, async () => undefined, options?.streamCreator, {});
    const finished = new Promise((resolve) => res.once("finish", resolve).once("close", resolve));
    routerServer ??= startRouterServer();
    await (await routerServer)(req, res);
    await finished;
    const { statusCode, headers: responseHeaders, isBase64Encoded, body } = convertRes(res);
    return { type: internalEvent.type, statusCode, headers: responseHeaders, body, isBase64Encoded };
  });
}

/**
 * The response, with the headers that Next.js sets.
 *
 * OpenNext changes `Cache-Control` of errors and of pages without data, for a cache that has no rules of its own. The
 * platform's wrapper decides what CloudFront keeps.
 */
class SiteResponse extends OpenNextNodeResponse {
  fixHeadersForError() {}
}

/** A request as Node.js's HTTP server creates it. */
class HttpRequest extends http.IncomingMessage {
  constructor({ method, headers, body, remoteAddress }, { protocol, target }) {
    const isEncrypted = protocol === "https";
    super({
      encrypted: isEncrypted,
      readable: false,
      remoteAddress,
      address: () => ({ port: isEncrypted ? 443 : 80 }),
      end: Function.prototype,
      destroy: Function.prototype,
    });
    const content = body?.length ? Buffer.from(body) : undefined;
    if (content) headers["content-length"] ??= String(content.length);
    Object.assign(this, {
      complete: true,
      headers,
      httpVersion: "1.1",
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      method,
      rawHeaders: Object.entries(headers).flat(),
      url: target,
    });
    this._read = () => {
      if (content) this.push(content);
      this.push(null);
    };
  }
}

async function startRouterServer() {
  adaptNextServer();
  await nextServer.prepare();
  substitute(RENDER_SERVER, () => ({ initialize: async () => renderServer }));
  substitute(FILE_SYSTEM, ({ setupFsCheck }) => ({
    setupFsCheck: async (options) => withAssetResolver(await setupFsCheck(options)),
  }));
  substitute(SERVE_STATIC, ({ serveStatic, ...rest }) => ({
    ...rest,
    serveStatic: (req, res, path, options) => options?.root?.asset ? sendAsset(req, res, options.root.asset) : serveStatic(req, res, path, options),
  }));
  substitute(PROXY_REQUEST, ({ proxyRequest }) => ({
    proxyRequest: (req, res, ...rest) => proxyRequest(req, hideReadableSide(res), ...rest),
  }));
  // The wrapper of the function compresses. The files of `.next/static` are not in the function's code.
  process.env.__NEXT_PRIVATE_STANDALONE_CONFIG = JSON.stringify({ ...NextConfig, compress: false, output: "standalone" });
  try {
    const [handler] = toList(await require(ROUTER_SERVER).initialize({
      dir: __dirname,
      dev: false,
      hostname: INTERNAL_HOST,
      minimalMode: false,
      port: INTERNAL_PORT,
      quiet: true,
    }));
    return handler;
  }
  finally {
    delete process.env.__NEXT_PRIVATE_STANDALONE_CONFIG;
  }
}

/** Next.js 16 returns an object, Next.js 15 a list. */
function toList(initialized) {
  return Array.isArray(initialized) ? initialized : [initialized.requestHandler];
}

/**
 * Returns the response as a stream that is only writable.
 *
 * OpenNext's response is a duplex stream. Next.js takes such a response for the socket of a WebSocket.
 */
function hideReadableSide(res) {
  return new Proxy(res, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    getPrototypeOf: () => http.ServerResponse.prototype,
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}

/** Replaces exports of a CommonJS module for all modules that load it later. */
function substitute(name, change) {
  const path = require.resolve(name);
  const exported = path === require.resolve(RENDER_SERVER) ? {} : require(path);
  const replaced = { ...exported, ...change(exported) };
  const { Module } = require("node:module");
  const module = new Module(path);
  Object.assign(module, { filename: path, loaded: true, exports: replaced });
  require.cache[path] = module;
}

const renderServer = {
  server: nextServer,
  upgradeHandler: () => undefined,
  requestHandler: (req, res, parsedUrl) => nextServer.getRequestHandler()(req, res, parsedUrl),
};

/** Connects Next.js's server with OpenNext's bundle of the middleware, and with the public URL of a request. */
function adaptNextServer() {
  const attachRequestMeta = nextServer.attachRequestMeta.bind(nextServer);
  nextServer.attachRequestMeta = (req, ...rest) => {
    attachRequestMeta(req, ...rest);
    const { origin, protocol } = getPublicOrigin();
    addRequestMeta(req, "initURL", `${origin}${req.url}`);
    addRequestMeta(req, "initProtocol", protocol.slice(0, -1));
  };
  const hasMiddleware = Boolean(MiddlewareManifest?.middleware?.["/"] ?? FunctionsConfigManifest?.functions?.["/_middleware"]);
  // The router server has already compared the path with the matchers.
  nextServer.getMiddleware = async () => (hasMiddleware ? { match: () => true, page: "/" } : undefined);
  nextServer.runMiddleware = runMiddleware;
  const { handleNextImageRequest } = nextServer;
  nextServer.handleNextImageRequest = async (req, res, parsedUrl) => {
    const isImage = parsedUrl.pathname?.startsWith("/_next/image") && !getRequestMeta(req, "middlewareInvoke");
    if (!isImage || !globalThis.__openNextAls.getStore().routed.asksAboutImage) return handleNextImageRequest(req, res, parsedUrl);
    sendDecision(req, res.originalResponse, parsedUrl.query);
    return true;
  };
}

/** Tells the image function to make the image, and what the site's rules have set or changed. */
function sendDecision(req, res, query) {
  const isSent = JSON.stringify(query) === JSON.stringify(getRequestMeta(req, "initQuery"));
  const decision = {
    status: res.statusCode,
    headers: { ...res.getHeaders() },
    query: isSent ? undefined : urlQueryToSearchParams(query).toString(),
    accept: req.headers.accept ?? "",
  };
  for (const name of Object.keys(decision.headers)) res.removeHeader(name);
  res.statusCode = 200;
  res.setHeader(IMAGE_HEADER, JSON.stringify(decision).replace(/[^\x20-\x7e]/g, escapeCharacter));
  res.end();
}

function escapeCharacter(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function getPublicOrigin() {
  return new URL(globalThis.__openNextAls.getStore().routed.initialURL);
}

/**
 * Returns the middleware's response, as `NextNodeServer.runMiddleware` does it.
 *
 * URLs of the public origin in the response become relative.
 */
async function runMiddleware({ request, parsed }) {
  const { headers } = request;
  const isRevalidation = headers[ISR_HEADER] && headers[PRERENDER_REVALIDATE_HEADER] === PrerenderManifest?.preview?.previewModeId;
  if (isRevalidation) return { response: new Response(null, { headers: { "x-middleware-next": "1" } }) };
  const { origin } = getPublicOrigin();
  const { body } = globalThis.__openNextAls.getStore().routed.internalEvent;
  const method = (request.method || "GET").toUpperCase();
  const middleware = await import("./middleware.mjs");
  const { basePath, experimental, i18n, trailingSlash } = NextConfig;
  const response = await middleware.default({
    headers,
    method,
    nextConfig: { basePath, experimental, i18n, trailingSlash },
    page: {},
    url: getMiddlewareUrl(request, parsed, origin),
    body: method !== "GET" && method !== "HEAD" && body?.length ? new Blob([body]).stream() : undefined,
  });
  const changed = new Headers(response.headers);
  for (const name of ["x-middleware-rewrite", "location"]) {
    const value = changed.get(name);
    if (value && URL.canParse(value) && new URL(value).origin === origin) changed.set(name, new URL(value).href.slice(origin.length));
  }
  const cookies = changed.getSetCookie().flatMap((cookie) => splitCookiesString(cookie));
  if (cookies.length > 0) {
    changed.delete("set-cookie");
    for (const cookie of cookies) changed.append("set-cookie", cookie);
    addRequestMeta(request, "middlewareCookie", cookies);
  }
  // `Response` does not accept every status with a body.
  return { response: { status: response.status, headers: changed, body: response.body } };
}

function getMiddlewareUrl(request, parsed, origin) {
  if (NextConfig.skipProxyUrlNormalize || NextConfig.skipMiddlewareUrlNormalize) return getRequestMeta(request, "initURL");
  const query = urlQueryToSearchParams(parsed.query).toString();
  return `${origin}${withLocale(parsed.pathname, getRequestMeta(request, "locale"))}${query ? `?${query}` : ""}`;
}

/** Returns the path with its locale after the base path. Paths below `/_next` have no locale. */
function withLocale(pathname, locale) {
  const { basePath, i18n } = NextConfig;
  const base = basePath && (pathname === basePath || pathname.startsWith(`${basePath}/`)) ? basePath : "";
  const below = pathname.slice(base.length);
  const first = below.split("/", 2)[1]?.toLowerCase();
  const isLocalized = !locale || below.startsWith("/_next/") || i18n.locales.some((each) => each.toLowerCase() === first);
  return isLocalized ? pathname : `${base}/${locale}${below === "/" ? "" : below}`;
}

/** Lets the asset resolver answer for public files, before pages. */
function withAssetResolver(checker) {
  const { getItem } = checker;
  checker.getItem = async function (itemPath, requestPath) {
    const asset = await findAsset(itemPath);
    if (asset) return { type: "publicFolder", itemPath, fsPath: itemPath, itemsRoot: { asset } };
    return getItem.call(this, itemPath, requestPath);
  };
  return checker;
}

async function findAsset(itemPath) {
  const { routed } = globalThis.__openNextAls.getStore() ?? {};
  if (!routed || !globalThis.assetResolver?.maybeGetAssetResult) return undefined;
  return globalThis.assetResolver.maybeGetAssetResult({ ...routed.internalEvent, rawPath: itemPath });
}

async function sendAsset(req, res, asset) {
  res.statusCode = asset.statusCode;
  for (const [name, value] of Object.entries(asset.headers)) {
    if (!res.hasHeader(name)) res.setHeader(name, value);
  }
  for await (const chunk of asset.body) res.write(chunk);
  res.end();
}
