// Runs functions as the requests of an OpenNext server.
import { AsyncLocalStorage } from "node:async_hooks";

globalThis.__openNextAls = new AsyncLocalStorage();

/** Run a function with the data of one request. */
export function inRequest(work) {
  const store = { writtenTags: new Set() };
  return globalThis.__openNextAls.run(store, () => work(store));
}

/** Set the time that the overrides see, in milliseconds since 1970. */
export function setTime(milliseconds) {
  Date.now = () => milliseconds;
}
