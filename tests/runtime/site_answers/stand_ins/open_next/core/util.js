export const nextServer = globalThis.nextServer;
