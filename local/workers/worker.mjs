// One released Node.js function version in a separate process, as Lambda's Node runtime would run it.
//
//   node worker.mjs '{"socket": "<path>", "statusDescriptor": 5, "handler": "index.handler", ...}'
//
// local/workers/process.py starts this program in the folder of the function's code. The program gets only the
// function's environment. It listens on a Unix socket for requests to two paths:
//   /url<path>   A request to the function's URL. The handler gets a Function URL event. The answer is streamed.
//   /invoke      `Invoke` with any event. The answer is a JSON object with payload, failure and log.
// The program exits when its standard input closes, because then the process that started the program has ended.
//
// One process serves all requests of a function version. Therefore the program differs from Lambda in two ways:
// requests run concurrently, and an uncaught exception is logged and does not end the process.

import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import dns from "node:dns";
import fs from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const settings = JSON.parse(process.argv[2]);
process.argv.splice(2);

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response";
const SEPARATOR = Buffer.alloc(8);
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: invocation payload, buffered answer
const PAYLOAD_LIMIT = 6 * 1024 * 1024;
const DEFAULT_PORTS = new Set([80, 443]);
// Connection headers. A function must not set them, so they are removed from its response.
const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]);

const invocations = new AsyncLocalStorage();

process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0)).resume();
logLikeLambda();
resolveLocalhost();
connectToLocalEdge(settings.localDomains, settings.edgePort);
const handler = await load();
serve();

/** Load the handler as Lambda does: `index.handler` is the export `handler` of index.mjs, .js or .cjs. */
async function load() {
  globalThis.awslambda = {
    streamifyResponse: (streaming) => Object.assign(streaming, { [STREAMING]: "response" }),
    HttpResponseStream: {
      from(stream, prelude) {
        stream.setContentType(HTTP_RESPONSE);
        stream._onBeforeFirstWrite = (write) => {
          write(JSON.stringify(prelude));
          write(SEPARATOR);
        };
        return stream;
      },
    },
  };
  try {
    const at = settings.handler.lastIndexOf(".");
    const [name, exported] = [settings.handler.slice(0, at), settings.handler.slice(at + 1)];
    const file = [".mjs", ".js", ".cjs"].map((ending) => path.resolve(name + ending)).find((candidate) => fs.existsSync(candidate));
    if (!file) throw new Error(`${settings.handler}: the code has no ${name}.mjs, .js or .cjs`);
    const module = await import(pathToFileURL(file).href);
    const found = module[exported] ?? module.default?.[exported];
    if (typeof found !== "function") throw new Error(`${settings.handler}: ${path.basename(file)} exports no function ${exported}`);
    return found;
  } catch (error) {
    report({ failure: describeFailure(error) });
    process.exit(1);
  }
}

function serve() {
  const server = http.createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, answer);
  server.on("error", (error) => {
    report({ failure: describeFailure(error) });
    process.exit(1);
  });
  server.listen(settings.socket, () => report({ streaming: handler[STREAMING] === "response" }));
}

function report(status) {
  fs.writeSync(settings.statusDescriptor, JSON.stringify(status) + "\n");
  fs.closeSync(settings.statusDescriptor);
}

async function answer(request, response) {
  const body = await readBody(request).catch(() => undefined);
  if (request.destroyed && !request.complete) return undefined;
  if (request.url === "/invoke") return invoke(request, response, body);
  if (!body) return refuse(response, 413, "Request must be smaller than 6291456 bytes for the InvokeFunction operation");
  const event = functionUrlEvent(request, body);
  const id = event.requestContext.requestId;
  const stream = new UrlResponse(response);
  const call = { id };
  const deadline = setTimeout(() => {
    stream.fail(new Error(`${id} Task timed out after ${settings.timeoutSeconds} seconds`));
  }, settings.timeoutSeconds * 1000);
  stream.on("error", (error) => invocations.run(call, () => console.error(error)));
  try {
    const result = await invocations.run(call, () => run(event, stream, id, settings.arn));
    if (handler[STREAMING]) await stream.ended();
    else stream.sendResult(result);
  } catch (error) {
    stream.fail(error);
  } finally {
    clearTimeout(deadline);
  }
}

/** Run the handler and return its result, which comes from a promise, a return value or the callback. */
function run(event, stream, id, arn) {
  const deadline = Date.now() + settings.timeoutSeconds * 1000;
  const context = {
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: arn,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  if (handler[STREAMING]) return handler(event, stream, context);
  return new Promise((resolve, reject) => {
    const done = (error, result) => (error ? reject(error) : resolve(result));
    const result = handler(event, context, done);
    if (typeof result?.then === "function") result.then(resolve, reject);
    else if (handler.length < 3) resolve(result);
  });
}

async function invoke(request, response, body) {
  const call = { id: request.headers["x-request-id"], log: [] };
  const envelope = {};
  let deadline;
  try {
    if (!body) throw new RangeError(`the event is larger than ${PAYLOAD_LIMIT} bytes`);
    const stream = new Collector();
    const timeout = new Promise((_resolve, reject) => {
      const late = Object.assign(new Error(`${call.id} Task timed out after ${settings.timeoutSeconds} seconds`), { name: "Sandbox.Timedout" });
      deadline = setTimeout(reject, settings.timeoutSeconds * 1000, late);
    });
    const work = async () => {
      const result = await invocations.run(call, () => run(JSON.parse(body), stream, call.id, request.headers["x-invoked-function-arn"]));
      if (!handler[STREAMING]) return { payload: result ?? null };
      await stream.ended();
      return { stream: stream.bytes().toString("base64") };
    };
    Object.assign(envelope, await Promise.race([work(), timeout]));
  } catch (error) {
    invocations.run(call, () => console.error(error));
    envelope.failure = describeFailure(error);
  }
  clearTimeout(deadline);
  envelope.log = call.log.join("");
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(envelope));
}

/** Return the request's body, or undefined if the body is larger than the limit for events. */
async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= PAYLOAD_LIMIT) chunks.push(chunk);
  }
  return size <= PAYLOAD_LIMIT ? Buffer.concat(chunks) : undefined;
}

/**
 * Return the event for a request to the function's URL.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-request-payload
 */
function functionUrlEvent(request, body) {
  const [, rawPath, rawQueryString] = /^\/url([^?]*)\??(.*)$/s.exec(request.url);
  const { cookie, ...headers } = Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [name, values.join(name === "cookie" ? "; " : ",")]),
  );
  const parameters = {};
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    parameters[name] = name in parameters ? `${parameters[name]},${value}` : value;
  }
  const now = new Date();
  const domainName = headers.host ?? "";
  const event = {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString,
    ...(cookie && { cookies: cookie.split(/;\s*/).filter(Boolean) }),
    headers,
    ...(rawQueryString && { queryStringParameters: parameters }),
    requestContext: {
      accountId: "anonymous",
      apiId: domainName.split(".")[0],
      domainName,
      domainPrefix: domainName.split(".")[0],
      http: { method: request.method, path: rawPath, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: headers["user-agent"] ?? "" },
      requestId: randomUUID(),
      routeKey: "$default",
      stage: "$default",
      time: now.toUTCString(),
      timeEpoch: now.getTime(),
    },
    isBase64Encoded: false,
  };
  if (body.length) {
    const isText = /^(text\/|application\/(json|javascript|xml|[\w.+-]+\+(json|xml))\b)/i.test(headers["content-type"] ?? "");
    event.isBase64Encoded = !isText || "content-encoding" in headers;
    event.body = body.toString(event.isBase64Encoded ? "base64" : "utf8");
  }
  return event;
}

/** The base class of both kinds of response stream. It behaves like the response stream of Lambda. */
class ResponseStream extends Writable {
  setContentType(type) {
    this.contentType = type;
  }

  write(chunk, ...rest) {
    const before = this._onBeforeFirstWrite;
    this._onBeforeFirstWrite = undefined;
    before?.((first) => super.write(first));
    // As in Lambda, a value that is neither text nor bytes is written as JSON.
    return super.write(typeof chunk === "string" || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk), ...rest);
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === "function") return super.end(chunk);
    if (chunk !== undefined && chunk !== null) this.write(chunk, typeof encoding === "string" ? encoding : undefined);
    return super.end(typeof encoding === "function" ? encoding : callback);
  }

  /** Wait until everything is written or the connection is closed. As in Lambda, a handler may return before that. */
  ended() {
    return this.closed ? undefined : new Promise((resolve) => this.once("close", resolve));
  }
}

/** The response stream of `Invoke`: it collects all bytes. */
class Collector extends ResponseStream {
  chunks = [];

  _write(chunk, _encoding, done) {
    this.chunks.push(chunk);
    done();
  }

  bytes() {
    return Buffer.concat(this.chunks);
  }
}

/**
 * The response stream of a function URL.
 *
 * The handler first writes a JSON prelude with status and headers, then the body. Each part of the body is
 * forwarded immediately.
 */
class UrlResponse extends ResponseStream {
  prelude = [];

  constructor(response) {
    super({ highWaterMark: 64 * 1024 });
    this.response = response;
  }

  _write(chunk, _encoding, done) {
    try {
      const body = this.response.headersSent ? chunk : this.addToPrelude(chunk);
      // As in Lambda, the function continues after the client has disconnected. Its output is then discarded.
      if (body.length === 0 || this.response.destroyed) done();
      else this.response.write(body, () => done());
    } catch (error) {
      done(error);
    }
  }

  _final(done) {
    if (!this.response.headersSent && !this.response.destroyed) {
      if (this.contentType === HTTP_RESPONSE) return done(new Error("the stream ended before the end of its prelude"));
      this.sendHead(200, {});
    }
    this.response.end();
    return done();
  }

  _destroy(error, done) {
    if (error && this.response.headersSent) this.response.destroy();
    else if (error) refuse(this.response, 502, "Internal Server Error");
    done(error);
  }

  /**
   * Add a part of the prelude. When the prelude is complete, send the head. Return the bytes after the prelude.
   *
   * If the handler writes no prelude, send the head immediately and return the whole part.
   */
  addToPrelude(chunk) {
    if (this.contentType !== HTTP_RESPONSE) {
      this.sendHead(200, { "content-type": this.contentType ?? "application/octet-stream" });
      return chunk;
    }
    this.prelude.push(chunk);
    const all = Buffer.concat(this.prelude);
    const end = all.indexOf(SEPARATOR);
    if (end < 0) return Buffer.alloc(0);
    const { statusCode, headers, cookies } = JSON.parse(all.subarray(0, end));
    this.sendHead(statusCode ?? 200, headers ?? {}, cookies);
    return all.subarray(end + SEPARATOR.length);
  }

  sendHead(status, headers, cookies = []) {
    for (const [name, value] of Object.entries(headers)) {
      if (!HOP_BY_HOP.has(name.toLowerCase())) this.response.setHeader(name, Array.isArray(value) ? value.map(String) : String(value));
    }
    if (cookies.length) this.response.appendHeader("set-cookie", cookies);
    this.response.writeHead(status);
    this.response.flushHeaders();
  }

  /** Send the result of a handler that does not stream: an object with `statusCode`, or only the body. */
  sendResult(result) {
    const { statusCode = 200, headers = {}, cookies, body, isBase64Encoded } =
      typeof result === "object" && result !== null && "statusCode" in result
        ? result
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(result ?? null) };
    const bytes = Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8");
    if (bytes.length > PAYLOAD_LIMIT) throw new RangeError(`Response payload size exceeded maximum allowed payload size (${PAYLOAD_LIMIT} bytes).`);
    this.sendHead(statusCode, { "content-type": "application/json", ...headers }, cookies);
    this.end(bytes);
  }

  /**
   * Answer 502 if the head was not sent yet. Otherwise close the connection, so that the client notices the failure.
   *
   * If the response was already sent completely, only log the error.
   */
  fail(error) {
    if (this.writableFinished) console.error(error);
    else this.destroy(error instanceof Error ? error : new Error(format(error)));
  }
}

function refuse(response, status, message) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ Message: message }));
}

function describeFailure(error) {
  if (!(error instanceof Error)) return { type: typeof error, message: format(error), trace: [] };
  return { type: error.name, message: error.message, trace: (error.stack ?? "").split("\n").map((line) => line.trim()) };
}

/** Write each message as one line of Lambda's text format: time, request ID, level, text. */
function logLikeLambda() {
  for (const [method, level] of Object.entries({ debug: "DEBUG", error: "ERROR", info: "INFO", log: "INFO", trace: "TRACE", warn: "WARN" })) {
    console[method] = (...message) => {
      const id = invocations.getStore()?.id ?? "undefined";
      process.stdout.write(`${new Date().toISOString()}\t${id}\t${level}\t${format(...message).replaceAll("\n", "\r")}\n`);
    };
  }
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = (chunk, ...rest) => {
      const log = invocations.getStore()?.log;
      if (!log) return write(chunk, ...rest);
      log.push(chunk.toString());
      rest.find((argument) => typeof argument === "function")?.();
      return true;
    };
  }
  process.on("uncaughtException", (error) => console.error("Uncaught Exception", error));
  process.on("unhandledRejection", (error) => console.error("Unhandled Promise Rejection", error));
}

/** Resolve names below .localhost to this machine (RFC 6761), because not every system's resolver does that. */
function resolveLocalhost() {
  const lookup = dns.lookup;
  dns.lookup = (name, options, callback) => lookup(/(^|\.)localhost$/i.test(name) ? "127.0.0.1" : name, options, callback);
  syncBuiltinESMExports();
}

/**
 * Connect to the local edge instead of the default ports of the given domains and their subdomains. These names
 * are in a zone of the embedded cloud, so no name server knows them. TLS still checks the original name.
 */
function connectToLocalEdge(domains, port) {
  if (!domains.length) return;
  const isLocal = (host) => domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...given) {
    // The options, or an array of options and callback if Node.js itself has called this function.
    const options = Array.isArray(given[0]) ? given[0][0] : given[0];
    if (isLocal(String(options?.host).toLowerCase()) && DEFAULT_PORTS.has(Number(options.port))) {
      const local = { ...options, host: "127.0.0.1", port };
      if (Array.isArray(given[0])) given[0][0] = local;
      else given[0] = local;
    }
    return connect.apply(this, given);
  };
}
