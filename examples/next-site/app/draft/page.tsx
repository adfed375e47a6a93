import { draftMode } from "next/headers";

export const revalidate = 3600;

/** Prerendered; rendered for each request of visitors with the cookie of draft mode. */
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
