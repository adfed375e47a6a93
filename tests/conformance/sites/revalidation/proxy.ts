import { NextResponse, type NextRequest } from "next/server";

// Like a site with a folder per tenant: a request for the public name is rewritten, one for the folder is redirected.
export default function proxy(request: NextRequest) {
  const url = request.nextUrl.clone();
  if (url.pathname.startsWith("/tenant/")) return NextResponse.redirect(new URL("/shop/", request.url));
  if (!url.pathname.startsWith("/public/")) return NextResponse.next();
  url.pathname = url.pathname.replace("/public/", "/tenant/");
  return NextResponse.rewrite(url);
}
