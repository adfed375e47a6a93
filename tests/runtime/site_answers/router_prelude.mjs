import { createRequire } from "node:module";
globalThis.require = createRequire(import.meta.url);
globalThis.__dirname = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
globalThis.__next_route_preloader = async () => undefined;
const META = Symbol.for("NextInternalRequestMeta");
globalThis.nextServer = {
  prepare: async () => undefined,
  attachRequestMeta: (req) => (req[META] = { ...req[META], initURL: "http://localhost:3000/wrong" }),
  handleNextImageRequest: async (req, { originalResponse }, parsed) => {
    if (!parsed.pathname.startsWith("/_next/image") || req[META].middlewareInvoke) return false;
    originalResponse.end("an answer of Next.js");
    return true;
  },
  getRequestHandler() {
    return async (req, res, parsed) => {
      this.attachRequestMeta(req);
      const meta = req[META];
      if (meta.middlewareInvoke) {
        const middleware = await this.getMiddleware();
        const { response } = await this.runMiddleware({ request: req, parsed });
        throw Object.assign(new Error(), { result: { response } });
      }
      if (await this.handleNextImageRequest(req, { originalResponse: res }, parsed)) return;
      globalThis.rendered = { initURL: meta.initURL, protocol: meta.initProtocol, cookies: meta.middlewareCookie ?? null };
      const chunks = [];
      for await (const chunk of req) chunks.push(chunk);
      globalThis.rendered.body = Buffer.concat(chunks).toString();
      res.end("page");
    };
  },
};
globalThis.middleware = () => new Response(null, { headers: { "x-middleware-next": "1" } });
const { openNextHandler } = await import("./overrides/router.mjs");
const event = (rawPath, { headers = {}, method = "GET", body, query = "" } = {}) => ({
  type: "core", method, rawPath, body: Buffer.from(body ?? ""), query: {}, cookies: {}, remoteAddress: "192.0.2.1",
  url: `https://internal.example${rawPath}${query}`,
  headers: { host: "abc.lambda-url.example", "x-forwarded-host": "shop.example", "x-forwarded-proto": "https", ...headers },
});
