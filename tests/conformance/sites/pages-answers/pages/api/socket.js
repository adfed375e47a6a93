export default function handler(req, res) {
  res.json({
    hasSocket: Boolean(req.socket),
    address: typeof req.socket?.remoteAddress,
    version: req.httpVersion,
    host: req.headers.host?.replace(/:\d+$/, ""),
    forwardedProto: typeof req.headers["x-forwarded-proto"],
    raw: Array.isArray(req.rawHeaders),
    writable: res.writable,
    headersSent: res.headersSent,
    finished: res.writableEnded,
  });
}
