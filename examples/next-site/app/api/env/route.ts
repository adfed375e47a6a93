import { createHash } from "node:crypto";

export const dynamic = "force-dynamic";

/**
 * Shows that variables reach the build and the running site. The secret is not returned, only its length and a part of
 * its hash.
 */
export function GET(): Response {
  const secret = process.env.DEMO_SECRET;
  return Response.json(
    {
      greeting: process.env.GREETING ?? null,
      buildGreeting: process.env.BUILD_GREETING || null,
      secret: secret
        ? { length: secret.length, sha256Prefix: createHash("sha256").update(secret).digest("hex").slice(0, 8) }
        : null,
    },
    { headers: { "cache-control": "no-store" } },
  );
}
