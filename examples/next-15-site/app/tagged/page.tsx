import { unstable_cache } from "next/cache";

const value = unstable_cache(async () => crypto.randomUUID(), ["value"], { tags: ["news"] });

export default async function Tagged() {
  return <p data-testid="value">{await value()}</p>;
}
