import { PassThrough } from "node:stream";

/** A response that records its head. */
export function createServerResponse(routed) {
  const res = new PassThrough();
  const headers = {};
  res.resume();
  return Object.assign(res, {
    headers,
    routed,
    statusCode: 200,
    setHeader: (name, value) => (headers[name] = value),
    hasHeader: (name) => name in headers,
  });
}

export const convertRes = ({ statusCode, headers, routed }) => ({
  statusCode,
  headers,
  isBase64Encoded: false,
  body: { rawPath: routed.internalEvent.rawPath, routes: routed.resolvedRoutes.map(({ route }) => route) },
});
