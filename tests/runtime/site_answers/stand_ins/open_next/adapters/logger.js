export const debug = () => undefined;
export const error = () => undefined;
