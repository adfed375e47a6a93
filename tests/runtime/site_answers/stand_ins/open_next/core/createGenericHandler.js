export const createGenericHandler = async ({ handler }) => handler;
