import { draftMode } from "next/headers";
import type { NextRequest } from "next/server";

/** Open to everyone in this example: a real site asks for a secret. */
export async function POST(request: NextRequest): Promise<Response> {
  const enable = request.nextUrl.searchParams.get("enable") === "1";
  const draft = await draftMode();
  if (enable) draft.enable();
  else draft.disable();
  return Response.json({ draft: enable }, { headers: { "cache-control": "no-store" } });
}
