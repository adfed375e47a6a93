import { NextResponse } from "next/server";

export const config = { matcher: ["/middleware/:path*", "/blog/:path*"] };

export default function middleware(request) {
  const { pathname, locale, searchParams } = request.nextUrl;
  const kind = pathname.split("/")[2];
  if (kind === "redirect") return NextResponse.redirect(new URL("/shop/about", request.url));
  if (kind === "rewrite") return NextResponse.rewrite(new URL(`/shop/${locale}/ssr?from=middleware`, request.url));
  if (kind === "json") return NextResponse.json({ pathname, locale, query: [...searchParams], url: request.nextUrl.pathname });
  if (kind === "status") return new NextResponse("refused", { status: 403 });
  if (kind === "throws") throw new Error("the middleware is broken");
  const headers = new Headers(request.headers);
  headers.set("x-from-middleware", pathname);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("x-middleware", "seen");
  response.cookies.set("visited", "1");
  return response;
}
