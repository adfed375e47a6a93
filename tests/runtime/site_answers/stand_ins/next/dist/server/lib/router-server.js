// The steps of Next.js's router server that the override depends on: middleware, files, then the page.
const { addRequestMeta } = require("../request-meta.js");
const filesystem = require("./router-utils/filesystem");
const { proxyRequest } = require("./router-utils/proxy-request");
const { serveStatic } = require("../serve-static");

function applyMiddleware(req, res, parsedUrl, headers) {
  for (const [name, value] of headers) {
    if (name.startsWith("x-middleware-request-")) req.headers[name.slice("x-middleware-request-".length)] = value;
    else if (!name.startsWith("x-middleware-")) res.appendHeader(name, value);
  }
  const rewrite = headers.get("x-middleware-rewrite");
  if (rewrite?.startsWith("/_next/image?")) parsedUrl.query = Object.fromEntries(new URLSearchParams(rewrite.split("?")[1]));
}

exports.initialize = async (options) => {
  const config = JSON.parse(process.env.__NEXT_PRIVATE_STANDALONE_CONFIG);
  const renderServer = require("./render-server");
  const checker = await filesystem.setupFsCheck({ dir: options.dir, config });
  const { requestHandler: render } = await renderServer.initialize(options);
  const requestHandler = async (req, res) => {
    const parsedUrl = { pathname: req.url.split("?")[0], query: Object.fromEntries(new URLSearchParams(req.url.split("?")[1])) };
    globalThis.routed = { config, url: req.url, host: req.headers.host, encrypted: req.socket.encrypted };
    addRequestMeta(req, "initQuery", parsedUrl.query);
    addRequestMeta(req, "middlewareInvoke", true);
    try {
      await render(req, res, parsedUrl);
    } catch (error) {
      if (!error.result) throw error;
      globalThis.middlewareResponse = error.result.response;
      applyMiddleware(req, res, parsedUrl, error.result.response.headers);
    }
    addRequestMeta(req, "middlewareInvoke", false);
    if (parsedUrl.pathname === "/docs/external") return proxyRequest(req, res);
    const item = await checker.getItem(parsedUrl.pathname);
    if (item?.fsPath) return serveStatic(req, res, item.itemPath, { root: item.itemsRoot });
    addRequestMeta(req, "invokePath", parsedUrl.pathname);
    return render(req, res, parsedUrl);
  };
  return globalThis.answersWithList ? [requestHandler] : { requestHandler };
};
