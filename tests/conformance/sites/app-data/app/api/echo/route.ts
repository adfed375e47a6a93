import type { NextRequest } from "next/server";

async function echo(request: NextRequest) {
  const body = new Uint8Array(await request.arrayBuffer());
  return Response.json({
    method: request.method,
    url: request.url,
    path: request.nextUrl.pathname,
    query: [...request.nextUrl.searchParams],
    host: request.headers.get("host"),
    type: request.headers.get("content-type"),
    length: request.headers.get("content-length"),
    cookies: request.cookies.getAll(),
    bytes: body.length,
    sum: body.reduce((sum, each) => (sum * 31 + each) % 1000003, 7),
    text: body.length < 200 ? new TextDecoder().decode(body) : "",
  });
}

export { echo as DELETE, echo as GET, echo as PATCH, echo as POST, echo as PUT };
