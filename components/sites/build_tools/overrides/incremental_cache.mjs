/**
 * OpenNext's incremental cache: pages, fetches and `use cache` entries as objects of the release in S3.
 *
 * OpenNext's own cache takes the time of an entry from S3, which has whole seconds. An entry that was written in the
 * same second as a change of its tag then looks older than the change, and is computed again. So this cache stores
 * the exact time with the entry. An entry of the build has the time at which the build made it. Builds of other tools
 * have no such times, so their entries have the time of their upload.
 */
import { createHash } from "node:crypto";
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getRequestStore } from "./request_store.mjs";

/** The user metadata with the time of an entry, in milliseconds since 1970. */
const TIME = "anchor-time";
const TAGS = "x-next-cache-tags";
// S3 allows 1,024 bytes. URL parsers change names with empty parts or dot parts.
const MAX_KEY_BYTES = 1000;
const AMBIGUOUS = /(?:^|\/)\.{0,2}(?:\/|$)/;

let client;

async function send(Command, input) {
  client ??= new S3Client({ region: process.env.CACHE_BUCKET_REGION });
  return client.send(new Command({ Bucket: process.env.CACHE_BUCKET_NAME, ...input }));
}

/** Return the key of an object. The names of pages, such as `/blog/a`, begin with a slash. */
export function buildObjectKey(key, kind) {
  const { CACHE_BUCKET_KEY_PREFIX: prefix, OPEN_NEXT_BUILD_ID: build } = process.env;
  const page = key.startsWith("/") ? key.slice(1) : key;
  const name = kind === "fetch" ? `__fetch/${build}/${page}` : `${build}/${page}.${kind}`;
  const whole = `${prefix}/${name}`;
  if (Buffer.byteLength(whole) <= MAX_KEY_BYTES && !AMBIGUOUS.test(page)) return whole;
  return `${prefix}/__hashed/${createHash("sha256").update(name).digest("hex")}`;
}

async function get(key, kind = "cache") {
  let object;
  try {
    object = await send(GetObjectCommand, { Key: buildObjectKey(key, kind) });
  } catch (error) {
    if (error.name === "NoSuchKey") return null;
    throw error;
  }
  const value = JSON.parse(await object.Body.transformToString());
  const lastModified = Number(object.Metadata?.[TIME]) || object.LastModified.getTime();
  if (kind === "composable") return isFresh(value) ? { value, lastModified: value.timestamp } : null;
  if (kind === "cache") rememberPage(key, value, lastModified);
  return { value, lastModified };
}

/** As under `next start`, an entry of `use cache` that is older than its `revalidate` counts as missing. */
function isFresh({ timestamp, revalidate }) {
  return Date.now() <= timestamp + revalidate * 1000;
}

/** Remember the page that a request has read, for its revalidation (`revalidation_claims.mjs`) and for `set`. */
function rememberPage(key, value, lastModified) {
  const store = getRequestStore();
  if (store) store.anchorPage = { key, lastModified, tags: value.meta?.headers?.[TAGS] };
}

async function set(key, value, kind = "cache") {
  if (kind === "composable" && value.expire === 0) return; // Next.js computes it at each request
  await send(PutObjectCommand, {
    Key: buildObjectKey(key, kind),
    Body: JSON.stringify(kind === "cache" ? withTags(key, value) : value),
    ContentType: "application/json",
    Metadata: { [TIME]: String(Date.now()) },
  });
}

/**
 * Return the entry with its tags.
 *
 * If a page cannot be rendered, Next.js writes its previous entry again. OpenNext has removed the tags of that entry.
 */
function withTags(key, value) {
  const page = getRequestStore()?.anchorPage;
  const isComplete = value.type !== "app" && value.type !== "route";
  if (isComplete || page?.key !== key || !page.tags || value.meta?.headers?.[TAGS]) return value;
  return { ...value, meta: { ...value.meta, headers: { ...value.meta?.headers, [TAGS]: page.tags } } };
}

async function remove(key) {
  await send(DeleteObjectCommand, { Key: buildObjectKey(key, "cache") });
}

export default { name: "anchor-s3", get, set, delete: remove };
