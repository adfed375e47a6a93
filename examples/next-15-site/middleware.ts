import { NextResponse, type NextRequest } from "next/server";

export function middleware(request: NextRequest): NextResponse {
  const response = respond(request);
  response.headers.set("x-middleware", "next-15-site");
  return response;
}

// `nextUrl.pathname` does not contain the base path. The URL of a cloned `nextUrl` contains it, so targets need no base
// path here.
function respond({ nextUrl, headers }: NextRequest): NextResponse {
  const target = nextUrl.clone();
  switch (nextUrl.pathname) {
    case "/welcome":
      target.pathname = `/${headers.get("accept-language")?.startsWith("de") ? "de" : "en"}/welcome`;
      return NextResponse.redirect(target, 307);
    case "/newest":
      target.pathname = "/articles/second";
      return NextResponse.rewrite(target);
    default:
      return NextResponse.next();
  }
}

// The expression excludes files (names with a dot) and the internal paths of Next.js.
export const config = { matcher: "/((?!_next/|.*\\..*).*)" };
