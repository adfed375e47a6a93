/**
 * OpenNext's revalidation queue, which stays empty.
 *
 * OpenNext sends each stale page to a queue, and a function requests the page again through the site's host. Such a
 * request passes through redirects, middleware and rewrites, which can lead to another page. Here, the server itself
 * renders the page after its answer, as under `next start` (`revalidation_claims.mjs`).
 */
import { claimRevalidation } from "./revalidation_claims.mjs";

globalThis.anchorClaimRevalidation = claimRevalidation;

export default { name: "anchor-none", send: async () => {} };
