export const loadConfig = () => ({ basePath: "", images: globalThis.imagesConfig });
