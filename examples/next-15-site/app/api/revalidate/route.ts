import { revalidateTag } from "next/cache";

export function POST(): Response {
  revalidateTag("news");
  return Response.json({ revalidated: "news" });
}
