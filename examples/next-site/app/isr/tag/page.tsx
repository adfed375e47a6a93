import { unstable_cache } from "next/cache";

export const revalidate = 3600;

// Simulates a slow data source. The value changes only when the tag is revalidated.
const readNews = unstable_cache(
  async () => ({ id: crypto.randomUUID(), readAt: new Date().toISOString() }),
  ["news"],
  { tags: ["news"] },
);

export default async function TagPage() {
  const news = await readNews();
  return (
    <>
      <h1>Revalidated by tag</h1>
      <p>
        News <code data-testid="value">{news.id}</code>, read at <time data-testid="read-at">{news.readAt}</time>, on a
        page rendered at <time data-testid="rendered-at">{new Date().toISOString()}</time>.
      </p>
    </>
  );
}
