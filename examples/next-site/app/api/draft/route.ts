import { draftMode } from "next/headers";
import type { NextRequest } from "next/server";

/** This example has no authentication. A real site should check a secret. */
export async function POST(request: NextRequest): Promise<Response> {
  const enable = request.nextUrl.searchParams.get("enable") === "1";
  const draft = await draftMode();
  if (enable) draft.enable();
  else draft.disable();
  return Response.json({ draft: enable }, { headers: { "cache-control": "no-store" } });
}
