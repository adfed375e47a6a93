import { revalidatePath, revalidateTag } from "next/cache";
import type { NextRequest } from "next/server";

// This example has no authentication, so it accepts only the tags and paths of the example.
const tags = ["news"];
const paths = ["/isr/time", "/isr/tag", "/posts/first"];

export function POST(request: NextRequest): Response {
  const tag = request.nextUrl.searchParams.get("tag");
  const path = request.nextUrl.searchParams.get("path");
  if (tag !== null && tags.includes(tag)) {
    // Expires at once: the next request waits for the new value. "max" would serve the old value once more.
    revalidateTag(tag, { expire: 0 });
    return Response.json({ revalidated: { tag } });
  }
  if (path !== null && paths.includes(path)) {
    revalidatePath(path);
    return Response.json({ revalidated: { path } });
  }
  return Response.json({ error: "Give ?tag= or ?path=.", tags, paths }, { status: 400 });
}
