export default function handler(req, res) {
  res.setHeader("x-method", req.method);
  res.json({ method: req.method, url: req.url, query: req.query, cookies: req.cookies, body: req.body ?? null, type: req.headers["content-type"] ?? null });
}
