/**
 * Reads objects of the assets bucket for the site's server function, with the credentials of the function's role.
 *
 * The AWS SDK is not used: loading it would make each cold start some 100 ms slower. A request is signed as described in
 * "Authenticating Requests (AWS Signature Version 4)" of the Amazon S3 API Reference, without a signed payload.
 */
import { createHash, createHmac } from "node:crypto";

// Read now, because the site's code can change its environment. They have the meaning that AWS's SDKs give them.
const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
const ENDPOINT = process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL;
// Next.js replaces the global function later, to cache the requests of pages.
const request = globalThis.fetch;
const EMPTY_HASH = createHash("sha256").update("").digest("hex");

/** Return the path of a key as S3 signs it: every byte is encoded except unreserved characters and "/". */
function encodeKey(key) {
  const encode = (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return key.split("/").map((part) => encodeURIComponent(part).replace(/[!'()*]/g, encode)).join("/");
}

function objectUrl(bucket, region, key) {
  const path = encodeKey(key);
  if (ENDPOINT) return new URL(`${ENDPOINT.replace(/\/$/, "")}/${bucket}/${path}`);
  return new URL(`https://${bucket}.s3.${region}.amazonaws.com/${path}`);
}

function hmac(key, text) {
  return createHmac("sha256", key).update(text).digest();
}

function sign(method, url, region, now) {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const headers = { host: url.host, "x-amz-content-sha256": EMPTY_HASH, "x-amz-date": time };
  if (AWS_SESSION_TOKEN) headers["x-amz-security-token"] = AWS_SESSION_TOKEN;
  const names = Object.keys(headers).sort();
  const canonical = [
    method,
    url.pathname,
    "",
    ...names.map((name) => `${name}:${headers[name]}`),
    "",
    names.join(";"),
    EMPTY_HASH,
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const digest = createHash("sha256").update(canonical).digest("hex");
  const key = [day, region, "s3", "aws4_request"].reduce(hmac, `AWS4${AWS_SECRET_ACCESS_KEY}`);
  const signature = createHmac("sha256", key).update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${digest}`).digest("hex");
  delete headers.host;
  const credential = `Credential=${AWS_ACCESS_KEY_ID}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { ...headers, authorization };
}

/**
 * Request an object, and return the response of S3 with any status.
 *
 * @param method GET or HEAD
 * @param headers further request headers, such as Range
 */
export function requestObject({ method, bucket, region, key, headers }) {
  const url = objectUrl(bucket, region, key);
  return request(url, { method, headers: { ...headers, ...sign(method, url, region, new Date()) }, redirect: "manual" });
}
