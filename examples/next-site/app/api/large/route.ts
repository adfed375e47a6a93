import type { NextRequest } from "next/server";

export const dynamic = "force-dynamic";

const megabyte = new Uint8Array(1_000_000).fill(97);
const maximum = 20;

/** Returns `?megabytes=` MB of the letter "a": 1 by default, at most 20. Lambda could stream up to 200 MB. */
export function GET(request: NextRequest): Response {
  const megabytes = Math.min(Number(request.nextUrl.searchParams.get("megabytes")) || 1, maximum);
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (sent++ < megabytes) controller.enqueue(megabyte);
      else controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/plain", "cache-control": "no-store" } });
}

/** Returns the number of received bytes. A function URL accepts 6 MB, or 4.5 MB of binary data because of base64. */
export async function POST(request: NextRequest): Promise<Response> {
  return Response.json({ bytes: (await request.arrayBuffer()).byteLength });
}
