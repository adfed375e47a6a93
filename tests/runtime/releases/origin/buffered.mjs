// A handler that answers as OpenNext's wrapper `aws-lambda` does: it returns an API Gateway v2 result.
const results = {
  "/image": {
    statusCode: 200,
    headers: { "Content-Type": "image/webp", "Cache-Control": "public,max-age=60,immutable", Vary: "Accept" },
    cookies: ["a=1", "b=2"],
    body: Buffer.from([0, 255, 0, 254]).toString("base64"),
    isBase64Encoded: true,
  },
  "/text": { statusCode: 400, headers: { "content-type": "text/plain" }, body: "width é", isBase64Encoded: false },
  "/unchanged": { statusCode: 304, headers: {}, body: "" },
  "/bare": { anything: 1 },
};

export const handler = async (event) => {
  if (event.rawPath === "/throws") throw new Error("do not show this");
  if (event.rawPath === "/nothing") return undefined;
  return results[event.rawPath];
};
