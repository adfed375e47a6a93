/**
 * Answers requests for files to which a rule of the site applies, and for hashed files of other releases.
 *
 * CloudFront sends these requests to the server, and the requests for all other files to the bucket. OpenNext applies
 * the rules: headers, redirects, middleware and rewrites of the phase `beforeFiles`. Then it asks its asset resolver for a
 * file. The resolver's answer has no body, but a header with the file's key. The wrapper sees this header and sends the
 * file, as `next start` does. So the file is neither in memory as a whole, nor does the site's code see it.
 */
import { randomUUID } from "node:crypto";
import { requestObject } from "./anchor-bucket.mjs";

// Read now, because the site's code can change its environment.
const { CACHE_BUCKET_NAME, CACHE_BUCKET_REGION, ANCHOR_FILES_PREFIX, ANCHOR_DEPLOYMENT_ID } = process.env;
const FILE_HEADER = "x-anchor-file";
const HASHED = "_next/static/";
const IMMUTABLE = "public, max-age=31536000, immutable";
const REVALIDATED = "public, max-age=0";
const NEVER_STORED = "private, no-cache, no-store, max-age=0, must-revalidate";
const ALLOWED = ["GET", "HEAD"];
const CONDITIONS = ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
const SENT = ["accept-ranges", "content-length", "content-range", "content-type", "etag", "last-modified"];
// Of the resolver's empty body, which OpenNext's wrapper can compress.
const BODY_HEADERS = new Set(["content-encoding", "content-length"]);
const TEXTS = { 404: "Not Found", 412: "Precondition Failed", 416: "Range Not Satisfiable" };

export class Files {
  /** @param list the content of `anchor-files.json` */
  constructor(list) {
    this.list = list;
    this.public = new Set(list.public);
    // The site's code cannot know this value, so it cannot make the wrapper send another object.
    this.secret = randomUUID();
  }

  /** OpenNext's extension point, which it calls after the rules that come before files. */
  get resolver() {
    return {
      name: "anchor-files",
      maybeGetAssetResult: (event) => {
        const name = this.find(event.rawPath);
        if (name === undefined) return undefined;
        const isAllowed = ALLOWED.includes(event.method);
        const headers = isAllowed
          ? { [FILE_HEADER]: `${this.secret}${encodeURIComponent(name)}` }
          : { allow: ALLOWED.join(", "), "content-type": "text/plain; charset=utf-8" };
        const body = new Blob(isAllowed ? [] : ["Method Not Allowed"]).stream();
        return { type: event.type, statusCode: isAllowed ? 200 : 405, headers, body, isBase64Encoded: false };
      },
    };
  }

  /** Return the name of the file at a raw path; undefined if there is none. */
  find(rawPath) {
    const { basePath, defaultLocale } = this.list;
    let path;
    try {
      path = decodeURIComponent(rawPath);
    } catch {
      return undefined;
    }
    if (!path.startsWith(`${basePath}/`)) return undefined;
    let name = path.slice(basePath.length + 1).replace(/\/$/, "");
    if (name.startsWith(HASHED)) return name.split("/").includes("..") ? undefined : name;
    if (defaultLocale && name.startsWith(`${defaultLocale}/`) && !this.public.has(name)) {
      name = name.slice(defaultLocale.length + 1);
    }
    return this.public.has(name) ? name : undefined;
  }

  /** Return the name in the head of an answer of the resolver; undefined for any other answer. The head loses the name. */
  takeName(headers) {
    const value = headers?.[FILE_HEADER];
    if (value === undefined) return undefined;
    delete headers[FILE_HEADER];
    return String(value).startsWith(this.secret) ? decodeURIComponent(String(value).slice(this.secret.length)) : undefined;
  }

  /**
   * Return status, headers and body (a web stream, a text, or null) of a file.
   *
   * @param request method and headers (names in lower case) of the visitor's request
   * @param own the headers that the site's rules set. They win over those of the file.
   */
  async open(name, request, own) {
    const isHashed = name.startsWith(HASHED);
    const lowered = Object.entries(own).map(([key, value]) => [key.toLowerCase(), value]);
    const given = Object.fromEntries(lowered.filter(([key]) => !BODY_HEADERS.has(key)));
    const answer = await this.request(name, isHashed, request);
    if (answer.status === 403 || answer.status === 404) {
      // Without permission to list the bucket, S3 answers 403 for a missing object.
      return fail(answer, 404, { ...given, "cache-control": NEVER_STORED });
    }
    if (answer.status in TEXTS) {
      const range = answer.headers.get("content-range");
      return fail(answer, answer.status, range ? { ...given, "content-range": range } : given);
    }
    if (![200, 206, 304].includes(answer.status)) {
      await answer.body?.cancel();
      throw new Error(`S3 answered ${answer.status} for the file ${name}`);
    }
    const sent = SENT.map((key) => [key, answer.headers.get(key)]).filter(([, value]) => value !== null);
    const always = { "cache-control": isHashed ? IMMUTABLE : REVALIDATED, "accept-ranges": "bytes" };
    return { status: answer.status, headers: { ...always, ...Object.fromEntries(sent), ...given }, body: answer.body };
  }

  request(name, isHashed, { method, headers }) {
    const folder = isHashed ? ANCHOR_FILES_PREFIX : `${ANCHOR_FILES_PREFIX}/${ANCHOR_DEPLOYMENT_ID}${this.list.basePath}`;
    const conditions = CONDITIONS.filter((key) => headers[key] !== undefined).map((key) => [key, headers[key]]);
    return requestObject({
      method,
      bucket: CACHE_BUCKET_NAME,
      region: CACHE_BUCKET_REGION,
      key: `${folder}/${name}`,
      headers: Object.fromEntries(conditions),
    });
  }
}

async function fail(answer, status, headers) {
  await answer.body?.cancel();
  return { status, headers: { ...headers, "content-type": "text/plain; charset=utf-8" }, body: TEXTS[status] };
}
