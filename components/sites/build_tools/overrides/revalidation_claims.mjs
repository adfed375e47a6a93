/**
 * Decides which function instance renders a stale page again.
 *
 * As under `next start`, the server that has answered with a stale page renders it again after the answer. Under
 * load, many instances answer with the same stale page. The first of them claims the page in the site's tag table.
 * The others go on serving the stale page. A claim belongs to one entry, so the next entry can be claimed at once.
 * If the instance that holds a claim ends before it has written the new entry, the claim ends after 30 seconds.
 *
 * `patches/background_revalidation.mjs` calls this function from Next.js's response cache.
 */
import { getRequestStore } from "./request_store.mjs";
import { updateRow } from "./tag_table.mjs";

const CLAIM_MILLISECONDS = 30_000;
// DynamoDB deletes old claims. Their release has perhaps no visitors any more.
const KEPT_SECONDS = 86_400;
const REFUSED_MILLISECONDS = 1_000;
const MAX_REFUSALS = 1_000;
const CONDITION = "attribute_not_exists(claimedFor) OR claimedFor < :claimedFor OR (claimedFor = :claimedFor AND claimedUntil < :now)";

// Refusals of this instance, so that a page with many visitors is not claimed again for each of them.
const refusals = new Map();

/** Return whether this request renders the page that it has read. */
export async function claimRevalidation() {
  const page = getRequestStore()?.anchorPage;
  if (!page) return true;
  const now = Date.now();
  const refusal = refusals.get(page.key);
  if (refusal?.lastModified === page.lastModified && now < refusal.until) return false;
  const claim = {
    claimedFor: page.lastModified,
    claimedUntil: now + CLAIM_MILLISECONDS,
    expiresAt: Math.ceil(now / 1000) + KEPT_SECONDS,
  };
  try {
    await updateRow("page", page.key.replace(/^\//, ""), claim, { expression: CONDITION, values: { now } });
  } catch (error) {
    if (error.name === "ConditionalCheckFailedException") {
      if (refusals.size >= MAX_REFUSALS) refusals.clear();
      refusals.set(page.key, { lastModified: page.lastModified, until: now + REFUSED_MILLISECONDS });
      return false;
    }
    // A page that is rendered twice is better than a page that stays stale.
    console.error(`The revalidation of ${page.key} could not be claimed:`, error);
  }
  return true;
}
