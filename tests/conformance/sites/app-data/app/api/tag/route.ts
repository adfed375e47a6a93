import { revalidatePath, revalidateTag } from "next/cache";
import type { NextRequest } from "next/server";

export async function POST(request: NextRequest) {
  const { tag, path, profile } = await request.json();
  // The second parameter exists since Next.js 16.
  if (tag) (revalidateTag as (tag: string, profile?: unknown) => void)(tag, profile);
  if (path) revalidatePath(path);
  return Response.json({ ok: true });
}
