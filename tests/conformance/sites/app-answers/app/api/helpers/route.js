import { cookies, headers } from "next/headers";
import { notFound, permanentRedirect, redirect } from "next/navigation";
import { NextResponse } from "next/server";

const ANSWERS = {
  json: () => NextResponse.json({ a: 1 }, { status: 201, headers: { "x-json": "1" } }),
  redirect: (request) => NextResponse.redirect(new URL("/open/1?a=b", request.url)),
  moved: (request) => NextResponse.redirect(new URL("/open/1", request.url), 301),
  away: () => NextResponse.redirect("https://example.com/a%20b"),
  thrown: () => redirect("/open/thrown"),
  permanent: () => permanentRedirect("/open/permanent"),
  missing: () => notFound(),
  cookies: () => {
    const response = NextResponse.json({});
    response.cookies.set("a", "1", { httpOnly: true, maxAge: 60 });
    response.cookies.set("b", "2", { sameSite: "strict" });
    response.cookies.delete("c");
    return response;
  },
  store: async () => {
    (await cookies()).set("stored", "1");
    return new Response((await headers()).get("x-sent") ?? "none");
  },
  empty: () => new Response(null, { status: 204 }),
  "not-modified": () => new Response(null, { status: 304 }),
  plain: () => new Response("plain"),
  typed: () => new Response("<a/>", { headers: { "content-type": "application/xml" } }),
  appended: () => {
    const response = new Response("appended");
    response.headers.append("x-list", "1");
    response.headers.append("x-list", "2");
    response.headers.append("set-cookie", "a=1");
    response.headers.append("set-cookie", "b=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT");
    return response;
  },
  throws: () => {
    throw new Error("this route is broken");
  },
  nothing: () => undefined,
  cached: () => new Response("cached", { headers: { "cache-control": "max-age=30" } }),
  teapot: () => new Response("short and stout", { status: 418, statusText: "Teapot" }),
};

export function GET(request) {
  return ANSWERS[request.nextUrl.searchParams.get("kind") ?? "plain"](request);
}
