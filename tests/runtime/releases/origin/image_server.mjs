// A server function with the answers of the override router.mjs to requests of the image function.
globalThis[Symbol.for("anchor.decidesAboutImages")] = true;

const MARK = "x-anchor-image";

function head(stream, headers = {}, { statusCode = 200, cookies = [] } = {}) {
  stream.setContentType("application/vnd.awslambda.http-integration-response");
  stream.write(JSON.stringify({ statusCode, headers, cookies }));
  stream.write(new Uint8Array(8));
}

const answers = {
  next: (stream) => {
    head(stream, { [MARK]: JSON.stringify({ status: 200, headers: { "x-loud": "yes", "set-cookie": ["a=1", "b=2"] }, accept: "" }) });
    stream.end();
  },
  changed: (stream) => {
    head(stream, { [MARK]: JSON.stringify({ status: 203, headers: {}, query: "url=%2Fother.png&w=64", accept: "image/avif" }) });
    stream.end();
  },
  redirect: (stream) => {
    head(stream, { location: "/login?größe=1" }, { statusCode: 307, cookies: ["flash=1; Path=/", "b=2"] });
    stream.end();
  },
  refuse: (stream) => {
    head(stream, { "content-type": "text/plain", "cache-control": "max-age=9", "x-name": "größe" }, { statusCode: 401 });
    stream.end("members only");
  },
  encoded: (stream) => {
    head(stream, { "content-encoding": "br" });
    stream.end(Buffer.from([0, 255, 1, 254]));
  },
  unchanged: (stream) => {
    head(stream, { etag: '"1"' }, { statusCode: 304 });
    stream.end();
  },
  aborted: (stream) => {
    head(stream);
    stream.write("first");
    throw new Error("after the first byte");
  },
  throws: () => {
    throw new Error("do not show this");
  },
  slow: () => new Promise(() => {}),
  echo: (stream, event) => {
    head(stream, { "content-type": "application/json" });
    stream.end(JSON.stringify(event));
  },
};

export const handler = Object.assign(
  async (event, stream) => answers[new URLSearchParams(event.rawQueryString).get("answer")](stream, event),
  { [Symbol.for("aws.lambda.runtime.handler.streaming")]: "response" },
);
