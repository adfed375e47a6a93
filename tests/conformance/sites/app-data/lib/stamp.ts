/** Return a text that differs in each call. */
export const stamp = (name: string) => `${name} ${new Date().toISOString()} ${crypto.randomUUID()}`;
