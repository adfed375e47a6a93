export const setNodeEnv = () => undefined;
