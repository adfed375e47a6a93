// A handler that calls the asset resolver as OpenNext 4.1.16 does: after its rules, with a core event.
const supports = process.env.WITHOUT_RESOLVER !== "1";
if (supports) globalThis.assetResolver = { name: "dummy" };
// A site can change its environment. The wrapper has read it before.
process.env.CACHE_BUCKET_NAME = "another";

function head(stream, statusCode, headers, cookies = []) {
  stream.setContentType("application/vnd.awslambda.http-integration-response");
  stream.write(JSON.stringify({ statusCode, headers, cookies }));
  stream.write(new Uint8Array(8));
}

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const { method } = event.requestContext.http;
  if (event.rawPath.startsWith("/private/") && !event.cookies?.includes("user=ok")) {
    head(stream, 307, { location: "/login" });
    return stream.end();
  }
  const rawPath = event.rawPath.replace(/^\/rewritten\//, "/images/").replace(/^\/cdn\/_next\//, "/_next/");
  if (rawPath === "/forged") {
    head(stream, 200, { "x-anchor-file": "robots.txt" });
    return stream.end("page");
  }
  const found = supports ? await globalThis.assetResolver.maybeGetAssetResult({ type: "core", method, rawPath }) : undefined;
  if (!found) {
    head(stream, 404, { "content-type": "text/html" });
    return stream.end("the site's page");
  }
  const rules = event.rawPath.startsWith("/images/ruled")
    ? { "X-Frame-Options": "DENY", "cache-control": "public, max-age=60", "content-type": "image/x-own", "Content-Encoding": "br", "content-length": "1" }
    : {};
  const cookies = event.rawPath.startsWith("/private/") ? ["seen=1; Domain=example.com"] : [];
  head(stream, found.statusCode, { ...found.headers, ...rules }, cookies);
  for await (const chunk of found.body) stream.write(chunk);
  return stream.end();
});
