import { revalidatePath, revalidateTag } from "next/cache";
import { setFailing } from "../../clock";

export const dynamic = "force-dynamic";

export function GET(request: Request) {
  const query = new URL(request.url).searchParams;
  const tag = query.get("tag");
  const path = query.get("path");
  if (tag) revalidateTag(tag, query.get("profile") ?? { expire: Number(query.get("expire") ?? 0) });
  if (path) revalidatePath(path, (query.get("type") as "page" | "layout" | null) ?? undefined);
  if (query.has("failing")) setFailing(query.get("failing") === "yes");
  return new Response("ok");
}
