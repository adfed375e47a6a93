import { draftMode } from "next/headers";

export const revalidate = 3600;

/** Prerendered for everyone; rendered for each request of whoever has draft mode's cookie. */
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
