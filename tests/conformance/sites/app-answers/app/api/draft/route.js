import { draftMode } from "next/headers";

export async function GET(request) {
  const draft = await draftMode();
  if (request.nextUrl.searchParams.has("off")) draft.disable();
  else draft.enable();
  return new Response("draft");
}
