import { release } from "@/lib/release";

export const dynamic = "force-dynamic";

export function GET(): Response {
  return Response.json({ release }, { headers: { "cache-control": "no-store" } });
}
