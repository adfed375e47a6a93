export const runWithOpenNextRequestContext = (context, work) => globalThis.__openNextAls.run({ ...context }, work);
