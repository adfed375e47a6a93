/** Reads objects of the assets bucket for the site's server function, with the credentials of the function's role. */
import { sign } from "./anchor-signature.mjs";

const ENDPOINT = process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL;
// Next.js replaces the global function later, to cache the requests of pages.
const request = globalThis.fetch;

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

/**
 * Request an object, and return the response of S3 with any status.
 *
 * @param method GET or HEAD
 * @param headers further request headers, such as Range
 * @param signal ends the request early; optional
 */
export function requestObject({ method, bucket, region, key, headers, signal }) {
  const url = objectUrl(bucket, region, key);
  const signed = sign({ method, url, service: "s3", region });
  return request(url, { method, headers: { ...headers, ...signed }, redirect: "manual", signal });
}
