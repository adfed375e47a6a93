import { createHash } from "node:crypto";

export const dynamic = "force-dynamic";

export function GET() {
  return new Response("x".repeat(7_000_000), { headers: { "content-type": "text/plain" } });
}

export async function POST(request) {
  const bytes = Buffer.from(await request.arrayBuffer());
  return Response.json({ size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
}
