/**
 * OpenNext's tag cache, with the rules of Next.js's own one.
 *
 * The table has one row for each tag that the release has revalidated. `expiredAt` is the time from which older
 * entries must not be served, and can be in the future. `staleAt` is the time from which older entries are served
 * once more while the new ones are computed. Both are milliseconds since 1970.
 *
 * OpenNext's own tables cannot do this: one forgets that a tag is stale, the other has a row for each tag and page.
 */
import { getRequestStore } from "./request_store.mjs";
import { readRows, updateRow } from "./tag_table.mjs";

// OpenNext asks twice about each entry, with the same array of tags. Both answers must come from one read.
const readForTags = new WeakMap();

/** Return whether a tag expired after an entry was written. */
async function hasBeenRevalidated(tags, lastModified) {
  const rows = await readRows("tag", tags);
  readForTags.set(tags, rows);
  const now = Date.now();
  return rows.some(({ expiredAt = 0 }) => expiredAt <= now && expiredAt > lastModified);
}

/** Return whether a tag became stale after an entry was written. */
async function isStale(tags, lastModified) {
  const rows = readForTags.get(tags) ?? (await readRows("tag", tags));
  readForTags.delete(tags);
  return rows.some(({ staleAt = 0 }) => staleAt > lastModified);
}

/** Return when the last of the tags expired. 0 if none has expired. */
async function getLastRevalidated(tags) {
  const rows = tags.length ? await readRows("tag", tags) : [];
  return Math.max(0, ...rows.map(({ expiredAt = 0 }) => expiredAt));
}

/** Write the times of tags. A tag without a time expires now. */
async function writeTags(tags) {
  await Promise.all(
    tags.map(async (given) => {
      const { tag, stale, expire } = typeof given === "string" ? { tag: given, expire: Date.now() } : given;
      await updateRow("tag", tag, { staleAt: stale, expiredAt: expire });
      // OpenNext writes each tag once per request. But a later call of the same request can have another lifetime.
      getRequestStore()?.writtenTags.delete(tag);
    }),
  );
}

export default { name: "anchor-dynamodb", mode: "nextMode", getLastRevalidated, hasBeenRevalidated, isStale, writeTags };
