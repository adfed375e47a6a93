/**
 * Signs requests to AWS with the credentials of the function's role.
 *
 * The AWS SDK is not used: loading it would make each cold start some 100 ms slower. A request is signed as described in
 * "AWS Signature Version 4 for API requests" of the IAM User Guide.
 */
import { createHash, createHmac } from "node:crypto";

// Read now, because the site's code can change its environment. They have the meaning that AWS's SDKs give them.
const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;

function hash(content) {
  return createHash("sha256").update(content).digest("hex");
}

function hmac(key, text) {
  return createHmac("sha256", key).update(text).digest();
}

/**
 * Return the headers of a signed request without a query.
 *
 * @param url its path is already encoded
 * @param headers further headers to sign (names in lower case)
 */
export function sign({ method, url, service, region, headers = {}, body = "" }) {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const signed = { ...headers, host: url.host, "x-amz-content-sha256": hash(body), "x-amz-date": time };
  if (AWS_SESSION_TOKEN) signed["x-amz-security-token"] = AWS_SESSION_TOKEN;
  const names = Object.keys(signed).sort();
  const canonical = [
    method,
    url.pathname,
    "",
    ...names.map((name) => `${name}:${signed[name]}`),
    "",
    names.join(";"),
    signed["x-amz-content-sha256"],
  ].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = [day, region, service, "aws4_request"].reduce(hmac, `AWS4${AWS_SECRET_ACCESS_KEY}`);
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash(canonical)}`).toString("hex");
  delete signed.host; // `fetch` sets this header itself
  const credential = `Credential=${AWS_ACCESS_KEY_ID}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { ...signed, authorization };
}
