import { NextResponse, type NextRequest } from "next/server";

export function proxy(request: NextRequest) {
  const { pathname, searchParams } = request.nextUrl;
  const action = pathname.slice("/proxy/".length);
  if (pathname === "/members.txt" && !request.cookies.has("member")) return NextResponse.redirect(new URL("/pages/login", request.url));
  if (!pathname.startsWith("/proxy/")) return NextResponse.next();
  switch (action) {
    case "redirect":
      return NextResponse.redirect(new URL("/pages/from-proxy?x=größe", request.url));
    case "redirect-cookie": {
      const answer = NextResponse.redirect(new URL("/pages/from-proxy", request.url), 303);
      answer.cookies.set("flash", "1");
      return answer;
    }
    case "rewrite":
      return NextResponse.rewrite(new URL(`/pages/rewritten?${searchParams}`, request.url));
    case "rewrite-missing":
      return NextResponse.rewrite(new URL("/no-such-page", request.url));
    case "rewrite-status":
      return NextResponse.rewrite(new URL("/pages/rewritten", request.url), { status: 403 });
    case "rewrite-external":
      return NextResponse.rewrite(new URL("http://127.0.0.3:9199/from-proxy?a=1"));
    case "rewrite-file":
      return NextResponse.rewrite(new URL("/visible.txt", request.url));
    case "json":
      return NextResponse.json({ method: request.method, pathname, query: [...searchParams], url: request.url }, { status: 401 });
    case "text":
      return new Response("text of the proxy", { headers: { "x-own": "1" } });
    case "html":
      return new Response("<p>html</p>", { headers: { "content-type": "text/html; charset=utf-8" } });
    case "empty":
      return new Response(null, { status: 204 });
    case "throws":
      throw new Error("the proxy throws");
    case "headers": {
      const headers = new Headers(request.headers);
      headers.set("x-from-proxy", "request");
      headers.delete("x-secret");
      const answer = NextResponse.rewrite(new URL("/api/echo", request.url), { request: { headers } });
      answer.headers.set("x-from-proxy", "answer");
      answer.headers.append("x-twice", "1");
      answer.headers.append("x-twice", "2");
      answer.headers.set("cache-control", "max-age=10, stale-while-revalidate=999");
      return answer;
    }
    case "cookies": {
      const answer = NextResponse.rewrite(new URL("/api/echo", request.url));
      answer.cookies.set("one", "1");
      answer.cookies.set("two", "2", { httpOnly: true, sameSite: "strict", maxAge: 60 });
      answer.cookies.delete("old");
      return answer;
    }
    default:
      return NextResponse.next({ headers: { "x-proxy": "seen" } });
  }
}

export const config = { matcher: ["/proxy/:path*", "/members.txt", { source: "/pages/matched", has: [{ type: "query", key: "m" }] }] };
