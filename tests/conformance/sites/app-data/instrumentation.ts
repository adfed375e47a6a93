export function register() {
  (globalThis as { registered?: string }).registered = `in ${process.env.NEXT_RUNTIME}`;
}

export const onRequestError = (error: unknown) => {
  console.error("onRequestError", (error as Error).message);
};
