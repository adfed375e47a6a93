// Lets `next start` listen on another loopback address than its host name says, so that the server can have the host
// name and the port of a site at the local edge. Requests of the server to itself stay on this address.
const dns = require("node:dns");
const net = require("node:net");

const address = process.env.ANCHOR_CONFORMANCE_ADDRESS;
const own = new Set([process.env.ANCHOR_CONFORMANCE_HOST, "localhost"]);

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (...values) {
  if (typeof values[0] === "number") return listen.call(this, values[0], address, ...values.filter((value) => typeof value === "function"));
  if (values[0] && typeof values[0] === "object" && values[0].port !== undefined) return listen.call(this, { ...values[0], host: address }, ...values.slice(1));
  return listen.apply(this, values);
};

const { lookup } = dns;
dns.lookup = function (name, options, callback) {
  if (!own.has(name)) return lookup.call(dns, name, options, callback);
  return lookup.call(dns, address, options, callback);
};
