/** Return OpenNext's data of the current request. Undefined outside of a request. */
export function getRequestStore() {
  return globalThis.__openNextAls?.getStore();
}
