/**
 * The handler of every released server and image function (`anchor-origin.handler`). It calls OpenNext's handler.
 *
 * Everyone who knows a function URL can call it. Origin access control is not used, because it would refuse a
 * browser's POST, which has no payload hash. So CloudFront's viewer-request function adds a secret header, and
 * this handler refuses every request without that header. The handler also does the following:
 *
 *   - the platform's own headers are removed, so that no site can read or expose them;
 *   - the project's secret variables are loaded before the site's code (`anchor-secrets.mjs`). Without them, requests are
 *     answered with 503;
 *   - a page that takes too long is answered with 504 (`anchor-time-limit.mjs`);
 *   - the values of secrets are not written to the log (`anchor-process.mjs`);
 *   - a cookie stays on the site's host (`anchor-cookies.mjs`);
 *   - Cache-Control is rewritten: this platform decides what CloudFront may keep (`anchor-cache-control.mjs`);
 *   - the answer for a file gets its body from the assets bucket (`anchor-files.mjs`);
 *   - the site's server decides about images to which its rules apply (`anchor-image-server.mjs`);
 *   - an answer without a body gets one byte: a function URL that streams does not end such an answer before
 *     the function's timeout (opennextjs-aws pull request 443). A header tells CloudFront's viewer-response function
 *     to remove this byte.
 *
 * OpenNext's handler may stream (wrapper `aws-lambda-streaming`) or return an API Gateway v2
 * result (`aws-lambda`, as its image function does). This handler always streams, so the function URL's
 * InvokeMode is RESPONSE_STREAM.
 */
import { expectedKeyHash, maskValues } from "./anchor-process.mjs"; // before all other code
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { FIRST_ERROR, HASHED_PATH, SharedCache } from "./anchor-cache-control.mjs";
import { keepCookiesOnHost } from "./anchor-cookies.mjs";
import { Files } from "./anchor-files.mjs";
import { applyDecision, askServer, IMAGE_HEADER, readDecision, readHead, SERVER_HEADER } from "./anchor-image-server.mjs";
import { SecretsError, loadSecrets } from "./anchor-secrets.mjs";
import { TimeLimitError, withTimeLimit } from "./anchor-time-limit.mjs";

const KEY_HEADER = "x-anchor-origin-key";
// The platform's own headers, and those that OpenNext and Next.js trust: visitors may not send them. For example,
// Next.js would write the nonce of a visitor's Content-Security-Policy into a page that it keeps for others.
const INTERNAL = /^(?:x-(?:anchor|opennext|open-next|vercel)-|content-security-policy)/i;
// For the viewer-response function: "none" if the site sends no Content-Type. A function URL adds one then.
const CONTENT_TYPE_HEADER = "x-anchor-content-type";
// For the viewer-response function: "none" if the answer has no body.
const BODY_HEADER = "x-anchor-body";
// The time for which a head is kept back, to know whether a body follows. An answer without a body normally ends at once.
const HELD_HEAD_MS = 20;
const BODILESS_STATUS = new Set([204, 304]);
// Set by the override router.mjs, which answers the image function. Sites with their own version of OpenNext lack it.
const DECIDES_ABOUT_IMAGES = Symbol.for("anchor.decidesAboutImages");
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response";
const SEPARATOR = Buffer.alloc(8);

const digest = (text) => createHash("sha256").update(text).digest();

// A setting of the project. The site's own values win.
const securityHeaders = process.env.ANCHOR_SECURITY_HEADERS
  ? { "x-frame-options": "SAMEORIGIN", "x-content-type-options": "nosniff", "referrer-policy": "strict-origin-when-cross-origin" }
  : {};

const sharedCache = loadSharedCache();
// The image function must not read a file from the bucket that the server can protect
// (components/sites/build_tools/overrides/image_adapter.mjs).
globalThis[Symbol.for("anchor.classifyPath")] = (path) => ({ isConditional: sharedCache.classify(path).isReplaceable });
const files = loadFiles();

let starting;
// An error of the site's code fails the start of the function. Without secrets, each request tries to start the site.
await startOnce().catch((error) => {
  if (!(error instanceof SecretsError)) throw error;
});

export const handler = awslambda.streamifyResponse(async (event, lambdaStream, context) => {
  const sent = event?.headers?.[KEY_HEADER];
  if (!expectedKeyHash || typeof sent !== "string" || !timingSafeEqual(digest(sent), expectedKeyHash)) {
    return refuse(lambdaStream, 403, "This address answers its own distribution only.");
  }
  const asksAboutImage = IMAGE_HEADER in event.headers;
  const answer = new Answer(lambdaStream, {
    method: event.requestContext?.http?.method,
    path: event.rawPath ?? "",
    asksAboutImage,
    headers: { ...event.headers, cookie: [event.headers.cookie ?? "", ...(event.cookies ?? [])].join("; ") },
  });
  const describe = `${event.requestContext?.http?.method} ${event.rawPath}`;
  let site;
  try {
    site = await startOnce();
  } catch (error) {
    answer.destroy();
    if (!(error instanceof SecretsError)) throw error;
    return refuse(lambdaStream, 503, "Service Unavailable");
  }
  try {
    await withTimeLimit(context, { describe, hasStarted: () => answer.started }, async () => {
      await respond(site, event, answer, context);
      await answer.finished;
    });
  } catch (error) {
    // After its head was sent, an answer can only be aborted. Lambda aborts it if the handler fails.
    if (answer.started) throw error;
    answer.destroy();
    if (error instanceof TimeLimitError) {
      console.error(error.message);
      return refuse(lambdaStream, 504, "Gateway Timeout");
    }
    console.error(error);
    await refuse(lambdaStream, 500, "Internal Server Error");
  }
});

/** Write the answer to a request. */
async function respond({ openNext, resolvesFiles }, event, answer, context) {
  let request = { ...event, headers: withoutInternal(event.headers) };
  if (answer.request.asksAboutImage) {
    if (!globalThis[DECIDES_ABOUT_IMAGES]) return answer.whole({ statusCode: 200, headers: { [IMAGE_HEADER]: "{}" } });
    request.headers[IMAGE_HEADER] = "1";
  }
  if (SERVER_HEADER in event.headers) {
    const asked = await askServer(event, event.headers[SERVER_HEADER]);
    const decision = readDecision(asked);
    if (!decision) return answer.passOn(asked);
    asked.resume();
    request = applyDecision(request, decision);
  }
  const name = resolvesFiles || !isReading(answer.request) ? undefined : files?.find(answer.request.path);
  if (name !== undefined) answer.endWithFile(name);
  else if (openNext[STREAMING]) await openNext(request, answer, context);
  else answer.whole(await openNext(request, context));
  return undefined;
}

/** Start the site, unless it has started. After an error with the secrets, the next call tries again. */
function startOnce() {
  starting ??= startSite().catch((error) => {
    if (error instanceof SecretsError) {
      console.error(error.message);
      starting = undefined;
    }
    throw error;
  });
  return starting;
}

/** Set the secret variables, and then load the site's code, so that its first line sees them. */
async function startSite() {
  const secrets = await loadSecrets();
  maskValues(Object.values(secrets));
  Object.assign(process.env, secrets);
  const { handler: openNext } = await import("./index.mjs");
  // OpenNext has set this variable, except older versions, which have no asset resolvers.
  const resolvesFiles = "assetResolver" in globalThis;
  if (files) globalThis.assetResolver = files.resolver;
  return { openNext, resolvesFiles };
}

/** The stream to which OpenNext writes. It corrects the complete head, and passes on the body without delay. */
class Answer extends Writable {
  constructor(lambdaStream, request) {
    super();
    this.lambda = lambdaStream;
    this.request = request;
    this.head = [];
    this.started = false;
    this.isEmpty = true;
    this.heldHead = undefined;
    this.finished = new Promise((resolve, reject) => this.once("finish", resolve).once("error", reject));
    // This promise is awaited only after OpenNext's handler returns. An earlier failure must not count as unhandled.
    this.finished.catch(() => {});
    lambdaStream.once("error", (error) => this.destroy(error));
  }

  /** A method of Lambda's stream, which `awslambda.HttpResponseStream.from` and OpenNext call. */
  setContentType(type) {
    this.contentType = type;
  }

  write(...rest) {
    this.beforeFirstWrite();
    return super.write(...rest);
  }

  end(...rest) {
    this.beforeFirstWrite();
    return super.end(...rest);
  }

  /** Call the callback with which `awslambda.HttpResponseStream.from` writes the head, as Lambda's stream does. */
  beforeFirstWrite() {
    const callback = this._onBeforeFirstWrite;
    this._onBeforeFirstWrite = undefined;
    callback?.((chunk) => super.write(chunk));
  }

  _write(chunk, _encoding, done) {
    if (this.sending) return done();
    try {
      const body = this.started ? chunk : this.begin(chunk);
      if (!body?.length) return done();
      this.sendHeldHead();
      this.isEmpty = false;
      return this.lambda.write(body) ? done() : this.lambda.once("drain", done);
    } catch (error) {
      return done(error);
    }
  }

  _final(done) {
    if (this.sending) return this.sending.then(() => this.lambda.end(() => done()), done);
    if (!this.started) return done(new Error("the answer ended before its head was complete"));
    if (this.isEmpty) this.sendEmptyBody();
    return this.lambda.end(() => done());
  }

  _destroy(error, done) {
    clearTimeout(this.headTimer);
    done(error);
  }

  /** Add bytes to the head. When the head is complete, keep it back and return the bytes of the body after it. */
  begin(chunk) {
    this.head.push(chunk);
    const all = Buffer.concat(this.head);
    const end = all.indexOf(SEPARATOR);
    if (end < 0) return undefined;
    const head = JSON.parse(all.subarray(0, end).toString());
    const name = files?.takeName(head.headers);
    if (name !== undefined) {
      this.beginFile(name, head);
      return undefined;
    }
    this.heldHead = corrected(head, this.request);
    this.headTimer = setTimeout(() => this.sendHeldHead(), HELD_HEAD_MS);
    this.started = true;
    return all.subarray(end + SEPARATOR.length);
  }

  /** Send the byte without which a function URL does not end, and ask CloudFront to remove it. */
  sendEmptyBody() {
    this.sendHeldHead({ isEmpty: true });
    this.lambda.write(" ");
  }

  /** Send the head, if this has not been done yet. */
  sendHeldHead({ isEmpty = false } = {}) {
    clearTimeout(this.headTimer);
    const head = this.heldHead;
    this.heldHead = undefined;
    if (head) sendHead(this.lambda, isEmpty ? markEmpty(head, this.request) : head);
  }

  /** Send a file to which no rule of the site applies. */
  endWithFile(name) {
    this.beginFile(name, {});
    this.end();
  }

  /** Begin to send a file with the headers and cookies that the site's rules have set. */
  beginFile(name, head) {
    this.sending = this.sendFile(name, head);
    this.sending.catch(() => {}); // `_final` handles the failure
  }

  async sendFile(name, { headers, cookies }) {
    const request = { ...this.request, isFile: true };
    const file = await files.open(name, request, headers ?? {});
    this.heldHead = corrected({ statusCode: file.status, headers: file.headers, cookies }, request);
    this.started = true;
    await this.sendBody(typeof file.body === "string" ? [file.body] : (file.body ?? []));
    if (this.isEmpty) this.sendEmptyBody();
  }

  /** Send an answer of the server, which its wrapper has already corrected. */
  passOn(received) {
    this.sending = this.sendReceived(received);
    this.sending.catch(() => {}); // `_final` handles the failure
    this.end();
  }

  async sendReceived(received) {
    this.started = true;
    sendHead(this.lambda, readHead(received));
    await this.sendBody(received);
    if (this.isEmpty) this.lambda.write(" ");
  }

  async sendBody(chunks) {
    for await (const chunk of chunks) {
      this.sendHeldHead();
      this.isEmpty = false;
      if (!this.lambda.write(chunk)) await once(this.lambda, "drain");
    }
  }

  /** Write an API Gateway v2 result. Any other value becomes the JSON body of a result with status 200. */
  whole(result) {
    const { statusCode, headers, cookies, body, isBase64Encoded } =
      result && typeof result === "object" && "statusCode" in result
        ? result
        : { statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(result ?? null) };
    this.write(Buffer.concat([Buffer.from(JSON.stringify({ statusCode, headers, cookies })), SEPARATOR]));
    this.end(Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8"));
  }
}

function sendHead(lambdaStream, head) {
  lambdaStream.setContentType(HTTP_RESPONSE);
  lambdaStream.write(JSON.stringify(head));
  lambdaStream.write(SEPARATOR);
}

/** Add the header with which CloudFront removes the byte of an empty body, if the visitor would get this byte. */
function markEmpty(head, { method, path }) {
  const isSent = method !== "HEAD" && !BODILESS_STATUS.has(head.statusCode) && hasResponseFunction(head.statusCode, path);
  return isSent ? { ...head, headers: { ...head.headers, [BODY_HEADER]: "none" } } : head;
}

/** Return whether CloudFront invokes the viewer-response function. */
function hasResponseFunction(statusCode, path) {
  return statusCode < FIRST_ERROR && !HASHED_PATH.test(path);
}

function refuse(lambdaStream, statusCode, text) {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  sendHead(lambdaStream, { statusCode, headers, cookies: [] });
  lambdaStream.write(`${text}\n`);
  return new Promise((resolve) => lambdaStream.end(resolve));
}

/**
 * Return a header's value in ASCII, because a function URL has no defined encoding for other characters.
 *
 * Browsers read the URL of `Location` as UTF-8. `Content-Disposition` has a form for names with other characters
 * (RFC 6266). In other headers, such characters stay as they are.
 */
function toAscii(name, value) {
  if (!/[^\x00-\x7f]/.test(value)) return value;
  if (name === "location") return value.replace(/[^\x00-\x7f]+/gu, (text) => encodeURIComponent(text.toWellFormed()));
  if (name !== "content-disposition") return value;
  const [, start, quoted] = /^([^"]*filename=)"((?:[^"\\]|\\.)*)"/s.exec(value) ?? [];
  if (quoted === undefined || value.includes("filename*=")) return value.replace(/[^\x00-\x7f]/g, "?");
  const encoded = encodeURIComponent(quoted.replace(/\\(.)/gs, "$1").toWellFormed()).replace(/['()*]/g, encodeCharacter);
  return `${start}"${quoted.replace(/[^\x00-\x7f]/g, "?")}"; filename*=UTF-8''${encoded}`;
}

function encodeCharacter(character) {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Return the status and headers for CloudFront. */
function corrected({ statusCode = 200, headers = {}, cookies = [] }, request) {
  const result = { ...securityHeaders };
  const setCookies = [...(cookies ?? [])];
  for (const [given, value] of Object.entries(headers ?? {})) {
    const name = given.toLowerCase();
    // Lambda sends each header once, so cookies are in a separate list.
    if (name === "set-cookie") setCookies.push(...(Array.isArray(value) ? value : [value]));
    else if (value !== null && value !== undefined) result[name] = toAscii(name, Array.isArray(value) ? value.join(", ") : String(value));
  }
  // OpenNext sets "identity" on uncompressed answers. That value would prevent CloudFront from compressing them.
  // The length is wrong for a compressed answer, and for an empty answer, to which one byte is added later.
  if (result["content-encoding"] === "identity") delete result["content-encoding"];
  if (result["content-encoding"] || result["content-length"] === "0") delete result["content-length"];
  delete result[CONTENT_TYPE_HEADER];
  delete result[BODY_HEADER];
  if (!request.asksAboutImage) delete result[IMAGE_HEADER];
  if (!result["content-type"] && hasResponseFunction(statusCode, request.path)) result[CONTENT_TYPE_HEADER] = "none";
  // `next start` does not tell which program answers.
  for (const name of Object.keys(result)) if (/^x-opennext(?!-cache$)/.test(name)) delete result[name];
  sharedCache.apply(request, { status: statusCode, headers: result, setsCookies: setCookies.length > 0 });
  return { statusCode, headers: result, cookies: keepCookiesOnHost(setCookies, request.headers["x-forwarded-host"]) };
}

/** Without readable rules, nothing is shared: the site is slower, but no visitor gets a page of another visitor. */
function loadSharedCache() {
  try {
    return new SharedCache(JSON.parse(readFileSync(new URL("./anchor-cache-rules.json", import.meta.url), "utf8")));
  } catch (error) {
    console.error("No answer of this function is shared, because its cache rules cannot be used:", error);
    return new SharedCache(undefined);
  }
}

/** Return the files of the build. The image function has no list, because it serves no files. */
function loadFiles() {
  const file = new URL("./anchor-files.json", import.meta.url);
  return existsSync(file) ? new Files(JSON.parse(readFileSync(file, "utf8"))) : undefined;
}

function isReading({ method }) {
  return method === "GET" || method === "HEAD";
}

function withoutInternal(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !INTERNAL.test(name)));
}
