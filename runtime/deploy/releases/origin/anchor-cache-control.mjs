/**
 * Decides whether CloudFront may keep a site's answer, and which Cache-Control the visitor gets.
 *
 * CloudFront keeps what Cache-Control allows. Its cache key has no language, user agent or country, and no cookie
 * except that of draft mode. Next.js sets `s-maxage` without regard to this cache key, so `s-maxage` does not suffice.
 * This module decides instead. An answer is shared only if all of this holds:
 *
 *   - the site asks for it: `CDN-Cache-Control` (RFC 9213), `s-maxage`, or `public` with `max-age`;
 *   - the edge allows it for this request (header `x-anchor-cache: shared`), and the request is a GET or HEAD
 *     without `Authorization`, without Next.js's draft mode and without Next.js's internal headers;
 *   - the path has the canonical spelling, is not prerendered (a revalidated page must be visible
 *     immediately), and is not conditional. That is: no middleware matches the path, no rule with conditions on
 *     other data than the cache key applies to it, no rewrite sends it to another server, and the locale does not
 *     depend on the visitor;
 *   - the answer is a success or a redirect, sets no cookie, and varies only by headers of the cache key.
 *
 * The rules come from the build's manifests (`runtime/deploy/releases/build_output/shared_cache.py`). Without
 * rules nothing is shared. The visitor never gets directives that are meant for shared caches.
 */

/** For the viewer-response function: the visitor's Cache-Control; "none" if the visitor gets no Cache-Control. */
const VISITOR_HEADER = "x-anchor-cache-control";
const EDGE_HEADER = "x-anchor-cache";
const SHARED = "shared";
const UNSHARED = "private, no-store";
const REVALIDATED = "public, max-age=0, must-revalidate";
const REVALIDATED_PRIVATELY = "private, max-age=0, must-revalidate";

/** Headers that only shared caches read: the header of RFC 9213 and those of vendors. */
const TARGETED = /^(?:(?:[a-z]+-)*cdn-cache-control|surrogate-control|edge-control|x-accel-expires)$/;
// Next.js and OpenNext set these on answers that come from the incremental cache or can be stored there.
const PRERENDERED = ["x-nextjs-cache", "x-opennext-cache", "x-nextjs-prerender"];
const DRAFT_MODE = /(?:^|;\s*)(?:__prerender_bypass|__next_preview_data)=/;
// Next.js's answers depend on these headers. They are not in the cache key, and only Next.js itself needs them.
const INTERNAL_REQUEST = /^(?:x-middleware-|x-invoke-|x-now-|x-matched-|x-isr|x-prerender-|next-action|next-resume)/;
const DATA_REQUEST = "x-nextjs-data";
const SHARED_STATUS = new Set([200, 301, 302, 304, 307, 308]);
const FILE_STATUS = new Set([200, 206, 304]);
/** CloudFront invokes no viewer-response function for a status from this one on. */
export const FIRST_ERROR = 400;
/** The distribution has no viewer-response function for hashed files. */
export const HASHED_PATH = /^\/_next\/static\//;
const YEAR = 31_536_000;
// RFC 9110, section 5.6: a token, and optionally a token or a quoted string after "=".
const DIRECTIVE = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*))?/g;
const STALE = ["stale-while-revalidate", "stale-if-error"];
// Encoded characters with a meaning in a path: / \ ? # % . and NUL.
const ENCODED_SYNTAX = /%(?:2f|5c|3f|23|25|2e|00)/i;
// Empty segments, dot segments, backslashes and control characters.
const AMBIGUOUS = /\/\/|\/\.\.?(?:\/|$)|[\\\u0000-\u001f\u007f]/;
const MAX_CLASSIFIED = 1_000;
const UNKNOWN_PATH = { isConditional: true, isConditionalFile: true, isReplaceable: true, isPrerenderedPath: false };

/** Parse Cache-Control into a map from each directive, in lower case, to its value; `true` if it has no value. */
export function parseCacheControl(text) {
  const directives = new Map();
  for (const [, name, value] of (text ?? "").matchAll(DIRECTIVE)) {
    directives.set(name.toLowerCase(), value === undefined ? true : value.replace(/^"|"$/g, ""));
  }
  return directives;
}

function formatCacheControl(directives) {
  return [...directives].map(([name, value]) => (value === true ? name : `${name}=${formatValue(value)}`)).join(", ");
}

function formatValue(value) {
  return /^[\w.-]+$/.test(value) ? value : `"${value}"`;
}

export class SharedCache {
  /** @param rules the content of `anchor-cache-rules.json`; if undefined, nothing is shared */
  constructor(rules) {
    this.rules = rules;
    if (!rules) return;
    this.conditionalFiles = rules.conditional.map(compile);
    this.conditional = [...this.conditionalFiles, ...rules.unsharedPages.map(compile)];
    this.insteadOfFiles = rules.insteadOfFiles.map(compile);
    this.prerendered = new Set(rules.prerendered);
    this.vary = new Set(rules.vary);
    this.classified = new Map();
  }

  /**
   * Replace the response headers that control caching.
   *
   * @param request method, path (raw) and headers (names in lower case) as CloudFront sent them, and whether the answer is
   *   a file of the build. Without another header of the site, CloudFront can keep such an answer as long as the release.
   * @param response status, headers (names in lower case; changed in place) and whether it sets cookies
   */
  apply(request, { status, headers, setsCookies }) {
    const targeted = parseCacheControl(headers["cdn-cache-control"]);
    for (const name of Object.keys(headers)) {
      if (TARGETED.test(name) || name === VISITOR_HEADER) delete headers[name];
    }
    const site = parseCacheControl(headers["cache-control"]);
    const { isConditional, isConditionalFile, isPrerenderedPath } = this.classify(request.path);
    const { isFile = false } = request;
    const isPrerendered = isPrerenderedPath || PRERENDERED.some((name) => name in headers);
    // Whether every visitor with this cache key gets the same answer.
    const isCommon =
      !(isFile ? isConditionalFile : isConditional) &&
      !setsCookies &&
      (isFile ? FILE_STATUS : SHARED_STATUS).has(status) &&
      !("x-middleware-skip" in headers) &&
      this.variesByKeyOnly(headers.vary) &&
      allowsSharing(request);
    const time = isFile ? fileTime(site) : requestedTime(site, targeted);
    const shared = isCommon && !isPrerendered ? time : undefined;
    const visitor = visitorCacheControl(site, { isPrerendered, setsCookies, isShared: Boolean(shared) });

    // CloudFront asks the origin each time before it serves a prerendered page from its cache.
    const isRevalidated = isCommon && isPrerendered && (visitor === REVALIDATED || visitor === "");
    const edge = shared ?? (isRevalidated ? REVALIDATED : UNSHARED);
    if (status >= FIRST_ERROR || HASHED_PATH.test(request.path)) {
      // CloudFront invokes no viewer-response function, so one header must suit CloudFront and the visitor.
      headers["cache-control"] = shared ? visitor : withoutSharing(visitor);
    } else if (visitor === edge || (!shared && isNeverStored(visitor))) {
      headers["cache-control"] = visitor;
    } else {
      headers["cache-control"] = edge;
      headers[VISITOR_HEADER] = visitor || "none";
    }
  }

  /**
   * Return what the build's rules say about a raw path: whether the answer is conditional if it is a page and if it is a
   * file, whether a rule of the site can answer instead of a file, and whether the path is prerendered.
   */
  classify(rawPath) {
    const path = this.rules && canonicalPath(rawPath);
    if (path === undefined) return UNKNOWN_PATH;
    let known = this.classified.get(rawPath);
    if (!known) {
      known = this.classifyCanonical(rawPath, path);
      if (this.classified.size >= MAX_CLASSIFIED) this.classified.clear();
      this.classified.set(rawPath, known);
    }
    return known;
  }

  classifyCanonical(rawPath, path) {
    const { basePath, buildId, locales, detectsLocale } = this.rules;
    if (basePath && path !== basePath && !path.startsWith(`${basePath}/`)) {
      return UNKNOWN_PATH;
    }
    const inside = path.slice(basePath.length) || "/";
    // Only this spelling requests the data of a page. Next.js and OpenNext treat any other as a page's path.
    const data = `/_next/data/${buildId}/`;
    const isData = inside.startsWith(data) && inside.endsWith(".json");
    if (!isData && /^\/_next\/data(?:\/|$)/i.test(inside)) return UNKNOWN_PATH;
    const page = isData ? inside.slice(data.length - 1, -".json".length) : inside;
    // OpenNext compares the first path segment in lower case, so it never finds a locale with capital letters. This
    // code must give the same result.
    const isLocalized = !locales.length || locales.includes((page.split("/")[1] ?? "").toLowerCase());
    const isApi = /^\/api(?:\/|$)/.test(page);
    const pages = [page, page.replace(/\/index$/, "") || "/", page.replace(/\/+$/, "") || "/"];
    const withOtherLocale = isLocalized
      ? pages.map((each) => each.replace(/^\/[^/]+/, "") || "/")
      : locales.flatMap((locale) => pages.map((each) => `/${locale}${each === "/" ? "" : each}`));
    const others = locales.length ? withOtherLocale : [];
    const forms = withForms({ sent: [rawPath, path], inside: [inside, ...pages, ...others], basePath, locales });
    return {
      isConditional: (!isLocalized && detectsLocale && !isApi) || anyMatches(this.conditional, forms),
      isConditionalFile: anyMatches(this.conditionalFiles, forms),
      isReplaceable: anyMatches(this.insteadOfFiles, forms),
      isPrerenderedPath: forms.some((form) => this.prerendered.has(form)),
    };
  }

  variesByKeyOnly(vary) {
    const names = (vary ?? "").toLowerCase().split(",").map((name) => name.trim());
    return names.every((name) => !name || this.vary?.has(name));
  }
}

/**
 * Return the decoded path; undefined if its spelling is not canonical.
 *
 * Only the canonical spelling means the same path to all programs: Next.js and OpenNext match the encoded and the
 * decoded path, and CloudFront may treat two spellings as one.
 */
function canonicalPath(rawPath) {
  if (ENCODED_SYNTAX.test(rawPath)) return undefined;
  let path;
  try {
    path = decodeURIComponent(rawPath);
  } catch {
    return undefined;
  }
  const isCanonical = encodeURI(path).toLowerCase() === rawPath.toLowerCase();
  return isCanonical && !AMBIGUOUS.test(path) ? path : undefined;
}

/** Return a path in every form that a rule may have: with base path and locale or without, encoded and decoded. */
function withForms({ sent, inside, basePath, locales }) {
  const below = new Set([...inside, ...inside.map(encodeURI)]);
  const forms = new Set([...sent, ...below]);
  for (const form of below) forms.add(`${basePath}${form}`);
  for (const form of [...forms]) {
    for (const locale of locales) forms.add(`/${locale}${form}`);
  }
  return [...forms];
}

function anyMatches(patterns, forms) {
  return patterns.some((pattern) => forms.some((form) => pattern.some((expression) => expression.test(form))));
}

/**
 * Compile an expression with and without the flag "i", because not all programs ignore case. A path is conditional
 * if one of the two matches: with "i", plain text matches more; without "i", a negative lookahead excludes less.
 */
function compile(source) {
  return [new RegExp(source), new RegExp(source, "i")];
}

function allowsSharing({ method, path, headers }) {
  return (
    (method === "GET" || method === "HEAD") &&
    headers[EDGE_HEADER] === SHARED &&
    headers.authorization === undefined &&
    !DRAFT_MODE.test(headers.cookie ?? "") &&
    (headers[DATA_REQUEST] === undefined || path.includes("/_next/data/")) &&
    !Object.keys(headers).some((name) => INTERNAL_REQUEST.test(name))
  );
}

/** Return the Cache-Control with which the site asks CloudFront to keep an answer; undefined if it does not ask. */
function requestedTime(site, targeted) {
  const asked = targeted.size ? targeted : site;
  if (asked.has("no-store") || asked.has("no-cache") || asked.has("private")) return undefined;
  const isPublic = asked === targeted || asked.has("public");
  const seconds = asked.get("s-maxage") ?? (isPublic ? asked.get("max-age") : undefined);
  if (!/^[1-9]\d*$/.test(seconds ?? "")) return undefined;
  const stale = STALE.filter((name) => /^\d+$/.test(asked.get(name) ?? "")).map((name) => `${name}=${asked.get(name)}`);
  return [`s-maxage=${seconds}`, ...stale].join(", ");
}

/** Return the Cache-Control with which CloudFront keeps a file of the release; undefined if the site forbids it. */
function fileTime(site) {
  return site.has("no-store") || site.has("no-cache") || site.has("private") ? undefined : `s-maxage=${YEAR}`;
}

/** Return the visitor's Cache-Control: the site's own without directives for shared caches; "" for none. */
function visitorCacheControl(site, { isPrerendered, setsCookies, isShared }) {
  const isPrivate = site.has("private") || site.has("no-store");
  const asksSharedCaches = site.delete("s-maxage");
  site.delete("proxy-revalidate");
  const hasOwnTime = /^[1-9]/.test(site.get("max-age") ?? "");
  if (isPrerendered && !isPrivate && asksSharedCaches && !hasOwnTime) {
    // The framework chose the time, but a page can be revalidated at any moment.
    return setsCookies ? REVALIDATED_PRIVATELY : REVALIDATED;
  }
  if (asksSharedCaches && !isPrivate && !site.has("max-age") && !site.has("no-cache")) {
    return isShared ? REVALIDATED : REVALIDATED_PRIVATELY;
  }
  return formatCacheControl(site);
}

function isNeverStored(cacheControl) {
  const directives = parseCacheControl(cacheControl);
  return directives.get("no-store") === true || directives.get("private") === true;
}

function withoutSharing(cacheControl) {
  if (isNeverStored(cacheControl)) return cacheControl;
  const directives = parseCacheControl(cacheControl);
  directives.delete("public");
  directives.delete("private");
  return formatCacheControl(new Map([["private", true], ...directives]));
}
