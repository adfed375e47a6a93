import { cookies } from "next/headers";
import { notFound, permanentRedirect, redirect } from "next/navigation";
import { NextResponse, type NextRequest } from "next/server";

type Answer = (request: NextRequest) => Response | Promise<Response>;

const ANSWERS: Record<string, Answer> = {
  text: () => new Response("text"),
  empty: () => new Response(null, { status: 204 }),
  none: () => new Response(),
  html: () => new Response("<h1>html</h1>", { headers: { "content-type": "text/html" } }),
  binary: () => new Response(new Uint8Array([0, 255, 1, 254, 13, 10])),
  teapot: () => new Response("short", { status: 418, statusText: "I'm a teapot" }),
  unavailable: () => new Response("later", { status: 503, headers: { "retry-after": "5" } }),
  cookies: async () => {
    (await cookies()).set("one", "1", { path: "/", expires: new Date("2031-01-01") });
    const answer = NextResponse.json({ ok: true });
    answer.cookies.set("two", "2, 3; 4", { httpOnly: true });
    answer.headers.append("set-cookie", "three=3; Path=/api");
    return answer;
  },
  headers: () =>
    new Response("headers", {
      headers: [["x-one", "1"], ["x-two", "a"], ["x-two", "b"], ["vary", "x-custom"], ["etag", '"mine"'], ["content-language", "de"]],
    }),
  cached: () => new Response("cached", { headers: { "cache-control": "public, s-maxage=60, max-age=5" } }),
  private: () => new Response("private", { headers: { "cache-control": "private, max-age=60" } }),
  frame: () => new Response("frame", { headers: { "x-frame-options": "DENY", "content-security-policy": "frame-ancestors 'none'", "referrer-policy": "no-referrer", "strict-transport-security": "max-age=5" } }),
  redirect: () => redirect("/headers"),
  permanent: () => permanentRedirect("/headers?x=1"),
  elsewhere: () => Response.redirect("https://example.com/größe?a=b c", 303),
  relative: () => new Response(null, { status: 302, headers: { location: "../echo" } }),
  absolute: (request) => NextResponse.redirect(new URL("/headers", request.url)),
  missing: () => notFound(),
  throws: () => {
    throw new Error("the handler throws");
  },
  nothing: () => undefined as unknown as Response,
  large: () => new Response("0123456789".repeat(300_000), { headers: { "content-type": "text/plain" } }),
  download: () => new Response("a,b\n", { headers: { "content-type": "text/csv", "content-disposition": "attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe.csv" } }),
};

export async function GET(request: NextRequest, { params }: { params: Promise<{ kind: string }> }) {
  const answer = ANSWERS[(await params).kind];
  return answer ? answer(request) : new Response("unknown", { status: 404 });
}
