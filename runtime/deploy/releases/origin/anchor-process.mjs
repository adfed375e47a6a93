/**
 * Prepares the process of a released function. It must be the first module that the wrapper imports, so that the
 * site's code runs in the prepared process.
 *
 *   - Whatever the site writes to its log, the values of secrets are replaced by `***`. Masked are the credentials of the
 *     function and the project's secret variables, which the wrapper passes to `maskValues`.
 *   - An error that no code handles is logged, and the process continues, as under `next start`. Lambda's own runtime
 *     would end the process, together with the request that is in progress.
 *   - The hash of the key of the edge is taken from the environment. The key itself is not in the environment, because
 *     the site's code could read it there, also in `/proc/self/environ`.
 *
 * Text that the site writes to a file descriptor directly is not masked.
 */
import { format } from "node:util";

const MASK = "***";
const MINIMUM_LENGTH = 4; // characters; masking shorter values would reveal more than it hides
const METHODS = ["debug", "error", "fatal", "info", "log", "trace", "warn"];
const PLATFORM_SECRETS = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/** The SHA-256 hash of the key that the edge sends. Without a complete hash, every request is refused. */
export const expectedKeyHash = takeKeyHash();

const masked = new Set();
let secrets; // an expression that matches each masked text
maskValues(PLATFORM_SECRETS.map((name) => process.env[name] ?? ""));
for (const event of ["uncaughtException", "unhandledRejection"]) keepRunning(event);

function takeKeyHash() {
  const text = process.env.ANCHOR_ORIGIN_KEY_HASH ?? "";
  delete process.env.ANCHOR_ORIGIN_KEY_HASH;
  return /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** Mask these values from now on and, of a value with several lines, each line. */
export function maskValues(values) {
  const parts = values.flatMap((value) => [value, ...value.split(/[\r\n]+/)]).map((part) => part.trim());
  for (const part of parts) if (part.length >= MINIMUM_LENGTH) masked.add(part);
  if (!masked.size) return;
  if (!secrets) {
    for (const method of METHODS) maskMethod(method);
    for (const stream of [process.stdout, process.stderr]) maskStream(stream);
  }
  const sources = [...masked]
    .sort((one, other) => other.length - one.length)
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  secrets = new RegExp(sources.join("|"), "g");
}

function mask(text) {
  return text.replace(secrets, MASK);
}

function maskMethod(method) {
  const write = console[method];
  if (typeof write !== "function") return;
  console[method] = (...given) => {
    const text = format(...given);
    const shown = mask(text);
    return shown === text ? write.apply(console, given) : write.call(console, shown);
  };
}

function maskStream(stream) {
  const write = stream.write;
  stream.write = (chunk, ...rest) => write.call(stream, maskChunk(chunk), ...rest);
}

function maskChunk(chunk) {
  if (typeof chunk === "string") return mask(chunk);
  if (!(chunk instanceof Uint8Array)) return chunk;
  const text = Buffer.from(chunk).toString();
  const shown = mask(text);
  return shown === text ? chunk : Buffer.from(shown);
}

/** Next.js adds its own listener, which logs the error, when its server starts. */
function keepRunning(event) {
  process.removeAllListeners(event);
  process.on(event, (error) => {
    if (process.listenerCount(event) === 1) console.error(error);
  });
}
