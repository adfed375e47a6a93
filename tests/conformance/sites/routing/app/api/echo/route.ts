import type { NextRequest } from "next/server";

async function echo(request: NextRequest) {
  return Response.json({
    method: request.method,
    path: request.nextUrl.pathname,
    query: [...request.nextUrl.searchParams],
    proxy: request.headers.get("x-from-proxy"),
    secret: request.headers.get("x-secret"),
    cookies: request.cookies.getAll(),
    body: await request.text(),
  });
}

export { echo as GET, echo as POST };
