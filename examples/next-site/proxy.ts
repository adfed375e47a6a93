import { NextResponse, type NextRequest } from "next/server";

/** Middleware, which Next.js 16 calls "proxy". It runs before every page and API route. */
export function proxy(request: NextRequest): NextResponse {
  const response = respond(request);
  response.headers.set("x-middleware", "next-site");
  return response;
}

function respond(request: NextRequest): NextResponse {
  switch (request.nextUrl.pathname) {
    case "/old-home":
      return NextResponse.redirect(new URL("/", request.url), 307);
    case "/rewritten":
      return NextResponse.rewrite(new URL("/posts/first", request.url));
    default:
      return NextResponse.next();
  }
}

// The expression excludes files (names with a dot) and the internal paths of Next.js.
export const config = { matcher: "/((?!_next/|.*\\..*).*)" };
