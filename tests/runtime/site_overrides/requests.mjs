// Runs functions as the requests of an OpenNext server.
import { AsyncLocalStorage } from "node:async_hooks";

globalThis.__openNextAls = new AsyncLocalStorage();

/** Run a function with the data of one request, then wait for its background work, as Lambda does. */
export async function inRequest(work) {
  const background = [];
  const store = { writtenTags: new Set(), waitUntil: (promise) => background.push(promise) };
  const result = await globalThis.__openNextAls.run(store, () => work(store));
  await Promise.all(background);
  return result;
}

/** Set the time that the overrides see, in milliseconds since 1970. */
export function setTime(milliseconds) {
  Date.now = () => milliseconds;
}
