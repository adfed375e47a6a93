const { Duplex } = require("node:stream");

exports.proxyRequest = async (_req, res) => {
  res.statusCode = res instanceof Duplex ? 101 : 203;
  res.setHeader("x-proxied", "1");
  const { Readable } = require("node:stream");
  await new Promise((resolve) => Readable.from(["the other ", "server"]).pipe(res).once("finish", resolve));
};
