import { Readable } from "node:stream";
globalThis.__dirname = ".";
globalThis.nextVersion = "16.4.6";
globalThis.openNextConfig = {};
globalThis.imagesConfig = {
  loader: "default", contentSecurityPolicy: "sandbox;", contentDispositionType: "attachment",
  dangerouslyAllowLocalIP: false, maximumResponseBody: 1000, maximumRedirects: 2,
};
globalThis.loaded = [];
const FILES = { "/photo.png": "image/png", "/größe & more.png": "image/png", "/_next/static/media/a.png": "image/png",
  "/x.svg": "image/svg+xml", "/page.html": "text/html" };
globalThis.imageLoader = {
  load: async (key) => {
    loaded.push(key);
    if (!(key in FILES)) throw Object.assign(new Error(key), { name: globalThis.missing ?? "NoSuchKey" });
    return { body: Readable.from([`file ${key}`]), contentType: FILES[key], cacheControl: "max-age=7" };
  },
};
let answer;
const ask = async (url, { headers = {}, method = "GET", rawPath = "/_next/image", options } = {}) => {
  answer ??= (await import("./overrides/image_adapter.mjs")).answer;
  const event = {
    method,
    headers: { host: "abc", "x-forwarded-host": process.env.SITE, "x-forwarded-proto": "http", ...headers },
    query: { url },
    rawPath,
    url: `https://abc${rawPath}?url=${url}`,
  };
  const given = await answer(event, options);
  return { status: given.statusCode, headers: given.headers, body: await new Response(given.body).text() };
};
