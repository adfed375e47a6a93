// A handler that answers as OpenNext's wrapper `aws-lambda-streaming` (4.1.12) does: it writes the prelude itself.
import { existsSync, readFileSync } from "node:fs";

// What the code of a site can read of its environment when it is loaded, before the first request.
const ENVIRON = "/proc/self/environ";
const stolen = { variables: { ...process.env }, environ: existsSync(ENVIRON) ? readFileSync(ENVIRON, "latin1") : "" };

let open;
const gate = new Promise((resolve) => (open = resolve));
let openLateBody;
const lateBodyGate = new Promise((resolve) => (openLateBody = resolve));

function head(stream, headers = {}, { statusCode = 200, cookies = [] } = {}) {
  stream.setContentType("application/vnd.awslambda.http-integration-response");
  stream.write(JSON.stringify({ statusCode, headers, cookies }));
  stream.write(new Uint8Array(8));
}

const pages = {
  "/echo": (stream, event) => {
    head(stream, { "content-type": "application/json" });
    stream.end(JSON.stringify({ event, stolen }));
  },
  "/slow": async () => {
    await new Promise(() => {});
  },
  "/slow-body": async (stream) => {
    head(stream);
    stream.write("first");
    await new Promise(() => {});
  },
  "/prints": (stream) => {
    console.log("token:", process.env.PASS, "key of", "abc");
    console.error(new Error(`bad ${process.env.PASS}`));
    process.stdout.write(`raw ${process.env.PASS} and ${process.env.KEY.split("\n")[1]}\n`);
    process.stderr.write(Buffer.from(`bytes ${process.env.PASS}\n`));
    console.info("names:", { PASS: process.env.PASS });
    console.warn("100% %s safe");
    head(stream);
    stream.end("printed");
  },
  "/uncaught": (stream) => {
    setTimeout(() => {
      throw new Error("nobody catches this");
    }, 0);
    Promise.reject(new Error("nobody awaits this"));
    setTimeout(() => {
      head(stream);
      stream.end(String(process.pid));
    }, 50);
  },
  "/gated": async (stream) => {
    head(stream);
    stream.write("first");
    await gate;
    stream.end("last");
  },
  "/open": (stream) => {
    open();
    head(stream);
    stream.end("opened");
  },
  "/prerendered": (stream) => {
    head(stream, { "X-Nextjs-Cache": "HIT", "Cache-Control": "s-maxage=31536000, stale-while-revalidate=2592000" });
    stream.end("page");
  },
  "/opennext": (stream) => {
    head(stream, { "x-opennext-cache": "STALE", "cache-control": "s-maxage=2" });
    stream.end("page");
  },
  "/prerendered-with-cookie": (stream) => {
    head(stream, { "x-nextjs-cache": "HIT", "cache-control": "s-maxage=60" }, { cookies: ["visitor=1"] });
    stream.end("page");
  },
  "/prerendered-private": (stream) => {
    head(stream, { "x-nextjs-cache": "MISS", "cache-control": "private, no-cache, no-store" });
    stream.end("page");
  },
  "/own-control": (stream) => {
    head(stream, { "cache-control": "public, s-maxage=60" });
    stream.end("data");
  },
  "/cookies": (stream) => {
    const headers = { "Set-Cookie": ["b=2; Path=/", "c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT"], vary: ["rsc", "accept"] };
    head(stream, headers, { cookies: ["a=1; HttpOnly"] });
    stream.end("cookies");
  },
  // The query is a JSON list of cookies. Half of them are in the list, as OpenNext does it, the others in the header.
  "/sets-cookies": (stream, event) => {
    const sent = JSON.parse(decodeURIComponent(event.rawQueryString));
    head(stream, { "set-cookie": sent.filter((_, index) => index % 2) }, { cookies: sent.filter((_, index) => index % 2 === 0) });
    stream.end("cookies");
  },
  "/redirect": (stream) => {
    head(stream, { location: "/", "content-length": "0" }, { statusCode: 307 });
    stream.end();
  },
  "/names": (stream) => {
    const headers = { location: "/größe?a=%20b", "content-disposition": 'inline; filename="große \\"Blume\\".png"', "x-name": "größe" };
    head(stream, headers);
    stream.end("names");
  },
  "/other-names": (stream) => {
    head(stream, { location: "/plain", "content-disposition": "attachment; filename=größe.png" });
    stream.end("names");
  },
  "/empty": (stream) => {
    head(stream, { "content-type": "text/plain" });
    stream.end();
  },
  "/no-content": (stream) => {
    head(stream, {}, { statusCode: 204 });
    stream.end();
  },
  "/not-modified": (stream) => {
    head(stream, {}, { statusCode: 304 });
    stream.end();
  },
  "/empty-error": (stream) => {
    head(stream, {}, { statusCode: 404 });
    stream.end();
  },
  "/late-end": async (stream) => {
    head(stream);
    await new Promise((resolve) => setTimeout(resolve, 200));
    stream.end();
  },
  "/late-body": async (stream) => {
    head(stream, {}, { statusCode: 202 });
    await lateBodyGate;
    stream.end("late");
  },
  "/open-late-body": (stream) => {
    openLateBody();
    head(stream);
    stream.end("opened");
  },
  "/framed": (stream) => {
    head(stream, { "X-Frame-Options": "DENY", "X-OpenNext": "1" });
    stream.end("page");
  },
  "/uncompressed": (stream) => {
    head(stream, { "content-encoding": "identity", "content-length": "3" });
    stream.end("abc");
  },
  "/compressed": (stream) => {
    head(stream, { "content-encoding": "br", "content-length": "3" });
    stream.end("not three bytes");
  },
  "/in-pieces": async (stream) => {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    const all = Buffer.concat([Buffer.from('{"statusCode":201,"headers":{"x-piece":"é"}}'), Buffer.alloc(8), Buffer.from("body")]);
    for (const byte of all) stream.write(Buffer.from([byte]));
    stream.end();
  },
  "/from": (stream) => {
    awslambda.HttpResponseStream.from(stream, { statusCode: 202, headers: { "x-from": "1" } });
    stream.end("body");
  },
  "/later": (stream) => {
    head(stream);
    setImmediate(() => stream.end("after the handler returned"));
  },
  "/large": async (stream) => {
    head(stream);
    for (let part = 0; part < 64; part++) {
      if (!stream.write(Buffer.alloc(64 * 1024, part))) await new Promise((resolve) => stream.once("drain", resolve));
    }
    stream.end();
  },
  "/throws": () => {
    throw new Error("before the first byte: do not show this");
  },
  "/half-a-head": (stream) => {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    stream.write('{"statusCode":200');
    throw new Error("inside the head");
  },
  "/no-json": (stream) => {
    stream.write("no json");
    stream.write(new Uint8Array(8));
    stream.end();
  },
  "/no-head": (stream) => stream.end(),
  "/throws-later": (stream) => {
    head(stream);
    stream.write("first");
    throw new Error("after the first byte");
  },
};

export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  context.callbackWaitsForEmptyEventLoop = false;
  stream.on("error", () => stream.end());
  await pages[event.rawPath](stream, event);
});
