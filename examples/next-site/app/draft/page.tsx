import { draftMode } from "next/headers";

export const revalidate = 3600;

/** A prerendered page. For visitors with the cookie of draft mode, Next.js renders it for each request. */
export default async function DraftPage() {
  const { isEnabled } = await draftMode();
  return (
    <>
      <h1>Draft mode</h1>
      <p>
        It is <strong data-testid="draft">{isEnabled ? "on" : "off"}</strong>, and the page was rendered at{" "}
        <time data-testid="rendered-at">{new Date().toISOString()}</time>.
      </p>
    </>
  );
}
