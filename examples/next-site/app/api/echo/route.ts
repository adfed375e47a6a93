import type { NextRequest } from "next/server";

// An allow list: headers that CloudFront and Lambda add are not returned, because they are not part of the example.
const shown = ["host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-for", "user-agent", "accept", "accept-language", "cookie"];

export function GET(request: NextRequest): Response {
  return Response.json({
    method: request.method,
    path: request.nextUrl.pathname,
    query: [...request.nextUrl.searchParams],
    headers: Object.fromEntries(shown.map((name) => [name, request.headers.get(name)])),
  });
}

export async function POST(request: NextRequest): Promise<Response> {
  const body = await request.text();
  try {
    JSON.parse(body);
  } catch {
    return Response.json({ error: "The body is not JSON." }, { status: 400 });
  }
  return new Response(body, {
    headers: { "content-type": "application/json", "x-body-bytes": String(Buffer.byteLength(body)) },
  });
}
