import { draftMode } from "next/headers";
import { redirect } from "next/navigation";
import type { NextRequest } from "next/server";

export async function GET(request: NextRequest) {
  const draft = await draftMode();
  if (request.nextUrl.searchParams.get("off") === null) draft.enable();
  else draft.disable();
  redirect("/draft");
}
