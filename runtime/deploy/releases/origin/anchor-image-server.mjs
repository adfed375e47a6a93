/**
 * Lets the site's server decide about a request for an optimized image.
 *
 * Middleware, rewrites of the phase `beforeFiles` and headers with conditions also apply to `/_next/image`. Only the server
 * can apply them, because the image function contains no code of the site. If the build has such a rule, the edge names
 * the release's server in the header `x-anchor-server`, and the image function first sends the visitor's request to this
 * server, with the header `x-anchor-image`. The server sends one of two answers:
 *
 *   - It has the header `x-anchor-image`: the image function makes the image. The header is JSON with the response
 *     headers that rules of the site have set, with the status, and with what rules have changed in the request.
 *   - It does not have the header: middleware has refused, redirected or rewritten the request. The visitor gets the
 *     server's answer as it is.
 *
 * Visitors can neither send nor see these headers.
 */
import { Agent, request } from "node:https";

/** The host of the server's function URL, in requests of the edge to the image function. */
export const SERVER_HEADER = "x-anchor-server";
/** In requests of the image function to the server, and in its answers. The override router.mjs reads and sets it. */
export const IMAGE_HEADER = "x-anchor-image";
/** For the override image_adapter.mjs: the status and the headers with which an answer begins. */
const BEGUN_HEADER = "x-anchor-begun";

const MAX_HEADER_BYTES = 64 * 1024;
// Lambda and Node.js set these headers themselves.
const OWN_HEADERS = /^(?:host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|content-length|x-amzn-.*)$/;
const OWN_ANSWER_HEADERS = /^(?:connection|keep-alive|transfer-encoding|trailer|date|x-amzn-.*)$/;
// Connections are not kept: Lambda stops the process between two requests, and the server could close them meanwhile.
const agent = new Agent({ keepAlive: false });

/** Send a visitor's request to the server with this host, and return the head of the answer, whose body can be read. */
export function askServer(event, host) {
  const { method } = event.requestContext.http;
  const path = `${event.rawPath}${event.rawQueryString ? `?${event.rawQueryString}` : ""}`;
  const headers = { [IMAGE_HEADER]: "1" };
  for (const [name, value] of Object.entries(event.headers)) {
    if (!OWN_HEADERS.test(name) && name !== SERVER_HEADER) headers[name] = toBytes(value);
  }
  if (event.cookies?.length) headers.cookie = toBytes(event.cookies.join("; "));
  return new Promise((resolve, reject) => {
    const asked = request({ agent, headers, host, maxHeaderSize: MAX_HEADER_BYTES, method, path: encodeUnsafe(path) }, resolve);
    asked.on("error", reject);
    asked.end(event.body == null ? undefined : Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8"));
  });
}

/** Return what the server has decided about an image; undefined if it has answered the request itself. */
export function readDecision(answer) {
  const text = answer.headers[IMAGE_HEADER];
  return text === undefined ? undefined : JSON.parse(text);
}

/** Return the event with which OpenNext's handler makes the image. */
export function applyDecision(event, { status, headers, query, accept }) {
  const begun = headers && { [BEGUN_HEADER]: JSON.stringify({ status, headers }) };
  const given = accept === undefined ? begun : { ...begun, accept };
  return { ...event, rawQueryString: query ?? event.rawQueryString, headers: { ...event.headers, ...given } };
}

/** Return the head of an answer of the server, as the wrapper of the server has written it. */
export function readHead(answer) {
  const { "set-cookie": cookies = [], ...others } = answer.headers;
  const headers = Object.entries(others).filter(([name]) => !OWN_ANSWER_HEADERS.test(name));
  return {
    statusCode: answer.statusCode,
    headers: Object.fromEntries(headers.map(([name, value]) => [name, fromBytes(value)])),
    cookies: cookies.map(fromBytes),
  };
}

/** Return text whose characters are the bytes of a header. */
function toBytes(value) {
  return /[^\x00-\xff]/.test(value) ? Buffer.from(value).toString("latin1") : value;
}

/** Return the text of a received header: UTF-8, or ISO-8859-1 if it is not. */
function fromBytes(value) {
  const text = Buffer.from(value, "latin1").toString();
  return text.includes("\ufffd") ? value : text;
}

function encodeUnsafe(path) {
  return path.replace(/[^\x21-\xff]+/gu, (text) => encodeURIComponent(text.toWellFormed()));
}
