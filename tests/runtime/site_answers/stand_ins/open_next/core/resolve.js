export const resolveImageLoader = async () => globalThis.imageLoader;
