import { unstable_cache } from "next/cache";

export const readClock = unstable_cache(async () => Date.now(), ["clock"], { tags: ["clock"] });

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const shared = globalThis as unknown as { failing?: boolean };

export const setFailing = (failing: boolean) => void (shared.failing = failing);
export const isFailing = () => Boolean(shared.failing);
