/**
 * What CloudFront may keep of a site's answer, and which Cache-Control the visitor gets.
 *
 * CloudFront keeps what Cache-Control allows, and its cache key has no cookie, language, user agent or country.
 * The framework does not know that key, so its `s-maxage` says nothing about what may be shared. This module
 * decides instead. An answer is shared only if all of this holds:
 *
 *   - the site asks for it: `CDN-Cache-Control` (RFC 9213), `s-maxage`, or `public` with `max-age`;
 *   - the edge allows it for this request (header `x-anchor-cache: shared`), and the request is a GET or HEAD
 *     without `Authorization` and without Next.js's draft mode;
 *   - the path is neither prerendered (revalidation must show at once) nor conditional: no middleware matches it,
 *     no rule with `has` or `missing`, no external rewrite, and its locale is not detected;
 *   - the answer is a success or a redirect, sets no cookie, and varies by nothing beyond the cache key.
 *
 * The rules come from the build's manifests (`runtime/deploy/releases/build_output/shared_cache.py`). Without rules nothing is
 * shared. The visitor never gets directives that are meant for shared caches.
 */

/** For the viewer-response function: the visitor's Cache-Control; "none" if the visitor gets none. */
const VISITOR_HEADER = "x-anchor-cache-control";
const EDGE_HEADER = "x-anchor-cache";
const SHARED = "shared";
const UNSHARED = "private, no-store";
const REVALIDATED = "public, max-age=0, must-revalidate";
const REVALIDATED_PRIVATELY = "private, max-age=0, must-revalidate";

/** Headers that only shared caches read: RFC 9213 and what vendors call theirs. */
const TARGETED = /^(?:(?:[a-z]+-)*cdn-cache-control|surrogate-control|edge-control|x-accel-expires)$/;
// Next.js and OpenNext mark with these what they answered from the incremental cache or would put there.
const PRERENDERED = ["x-nextjs-cache", "x-opennext-cache", "x-nextjs-prerender"];
const DRAFT_MODE = /(?:^|;\s*)(?:__prerender_bypass|__next_preview_data)=/;
const SHARED_STATUS = new Set([200, 301, 302, 304, 307, 308]);
const FIRST_ERROR = 400;
// RFC 9110, section 5.6: a token, and optionally a token or a quoted string behind "=".
const DIRECTIVE = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*))?/g;
const DATA_PREFIX = /^\/_next\/data\/[^/]+/;
const MOST_CLASSIFIED = 1_000;
const STALE = ["stale-while-revalidate", "stale-if-error"];
// A path that two programs could read differently is not shared: empty and dot segments, encoded slashes, controls.
const AMBIGUOUS = /\/\/|\/\.\.?(?:\/|$)|[\\\u0000-\u001f\u007f%]/;

/** Parse Cache-Control into a map from lower-case directive to its value, or `true` without one. */
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
  /** @param rules the content of `anchor-cache-rules.json`; undefined: nothing is shared. */
  constructor(rules) {
    this.rules = rules;
    if (!rules) return;
    this.conditional = rules.conditional.map(compile);
    this.prerenderedPaths = new Set(rules.prerenderedPaths);
    this.prerendered = rules.prerendered.map(compile);
    this.locales = new Set(rules.locales.map((locale) => locale.toLowerCase()));
    this.vary = new Set(rules.vary);
    this.classified = new Map();
  }

  /**
   * Replace what `headers` say about caching.
   *
   * @param request method, path (raw) and headers (names in lower case) as CloudFront sent them
   * @param response status, headers (names in lower case; changed in place) and whether it sets cookies
   */
  apply(request, { status, headers, setsCookies }) {
    const targeted = parseCacheControl(headers["cdn-cache-control"]);
    for (const name of Object.keys(headers)) {
      if (TARGETED.test(name) || name === VISITOR_HEADER) delete headers[name];
    }
    const site = parseCacheControl(headers["cache-control"]);
    const path = this.pathOf(request.path);
    const { isConditional, isPrerenderedPath } = this.classify(path);
    const isMarked = PRERENDERED.some((name) => name in headers);
    const isPrerendered = isMarked || isPrerenderedPath;
    const isShareable =
      !isConditional &&
      !isPrerendered &&
      !setsCookies &&
      SHARED_STATUS.has(status) &&
      this.variesByKeyOnly(headers.vary) &&
      allowsSharing(request);
    const shared = isShareable ? requestedTime(site, targeted) : undefined;
    // Next.js gives each answer from its cache a time. Where the site removed it, nobody may keep the answer.
    if (isMarked && !site.size) site.set("s-maxage", "0");
    const visitor = visitorCacheControl(site, { isPrerendered, setsCookies, isShared: Boolean(shared) });

    // CloudFront asks the origin before it answers with a prerendered page that it has.
    const isRevalidated = visitor === REVALIDATED && isPrerendered && !isConditional;
    const edge = shared ?? (isRevalidated ? REVALIDATED : UNSHARED);
    if (status >= FIRST_ERROR) {
      // CloudFront invokes no viewer-response function for errors: one header serves both.
      headers["cache-control"] = withoutSharing(visitor);
    } else if (visitor === edge || (!shared && isNeverStored(visitor))) {
      headers["cache-control"] = visitor;
    } else {
      headers["cache-control"] = edge;
      headers[VISITOR_HEADER] = visitor || "none";
    }
  }

  /** Return the decoded path without its base path; undefined if it is ambiguous or outside the site. */
  pathOf(rawPath) {
    if (!this.rules) return undefined;
    let path;
    try {
      path = decodeURIComponent(rawPath);
    } catch {
      return undefined;
    }
    const base = this.rules.basePath;
    if (base && path !== base && !path.startsWith(`${base}/`)) return undefined;
    path = path.slice(base.length) || "/";
    return AMBIGUOUS.test(path) ? undefined : path;
  }

  /** Return what the build says of a path: whether it is prerendered, and whether a rule may change its answer. */
  classify(path) {
    if (path === undefined) return { isConditional: true, isPrerenderedPath: false };
    let known = this.classified.get(path);
    if (!known) {
      const forms = this.formsOf(path);
      const matches = (pattern) => forms.some((form) => pattern.test(form));
      known = {
        isConditional: this.isLocaleDetected(path) || this.conditional.some(matches),
        isPrerenderedPath: forms.some((form) => this.prerenderedPaths.has(form)) || this.prerendered.some(matches),
      };
      if (this.classified.size >= MOST_CLASSIFIED) this.classified.clear();
      this.classified.set(path, known);
    }
    return known;
  }

  /** Whether Next.js chooses the locale by the visitor's cookie or languages, because the path names none. */
  isLocaleDetected(path) {
    if (!this.locales.size || /^\/api(?:\/|$)/.test(path)) return false;
    return !this.locales.has(firstSegment(path.replace(DATA_PREFIX, "")));
  }

  /** Return every form of the path in which Next.js may look for it in its rules. */
  formsOf(path) {
    const page = path.replace(DATA_PREFIX, "").replace(/\.json$/, "").replace(/\/index$/, "") || "/";
    const forms = new Set([path, page, page.replace(/\/+$/, "") || "/"]);
    for (const form of [...forms]) {
      const locale = firstSegment(form);
      if (this.locales.has(locale)) forms.add(form.slice(1 + locale.length) || "/");
      else for (const each of this.locales) forms.add(`/${each}${form === "/" ? "" : form}`);
    }
    for (const form of [...forms]) forms.add(encodeURI(form));
    for (const form of [...forms]) forms.add(`${this.rules.basePath}${form}`);
    return [...forms];
  }

  variesByKeyOnly(vary) {
    const names = (vary ?? "").toLowerCase().split(",").map((name) => name.trim());
    return names.every((name) => !name || this.vary?.has(name));
  }
}

function firstSegment(path) {
  return path.split(/[/.]/)[1]?.toLowerCase() ?? "";
}

function compile(source) {
  return new RegExp(source, "i");
}

function allowsSharing({ method, headers }) {
  return (
    (method === "GET" || method === "HEAD") &&
    headers[EDGE_HEADER] === SHARED &&
    headers.authorization === undefined &&
    headers["x-prerender-revalidate"] === undefined &&
    !DRAFT_MODE.test(headers.cookie ?? "")
  );
}

/** Return the Cache-Control with which the site asks CloudFront to keep an answer; undefined if it does not. */
function requestedTime(site, targeted) {
  const asked = targeted.size ? targeted : site;
  if (asked.has("no-store") || asked.has("no-cache") || asked.has("private")) return undefined;
  const isPublic = asked === targeted || asked.has("public");
  const seconds = asked.get("s-maxage") ?? (isPublic ? asked.get("max-age") : undefined);
  if (!/^[1-9]\d*$/.test(seconds ?? "")) return undefined;
  const stale = STALE.filter((name) => /^\d+$/.test(asked.get(name) ?? "")).map((name) => `${name}=${asked.get(name)}`);
  return [`s-maxage=${seconds}`, ...stale].join(", ");
}

/** Return the visitor's Cache-Control: the site's own without what is meant for shared caches; "" for none. */
function visitorCacheControl(site, { isPrerendered, setsCookies, isShared }) {
  const isPrivate = site.has("private") || site.has("no-store");
  const asksSharedCaches = site.delete("s-maxage");
  site.delete("proxy-revalidate");
  if (isPrerendered && !isPrivate && asksSharedCaches) {
    // The time is the framework's: a page can be revalidated at any moment.
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
