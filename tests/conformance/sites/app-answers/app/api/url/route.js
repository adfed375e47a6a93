export const dynamic = "force-dynamic";

// The edge removes the headers that only Next.js may send. `next start` shows some of them to the route.
const HIDDEN = /^x-(?:forwarded|invoke|middleware)-/;

export function GET(request) {
  const { nextUrl } = request;
  return Response.json({
    url: request.url,
    origin: nextUrl.origin,
    search: [...nextUrl.searchParams],
    cookies: request.cookies.getAll(),
    headers: [...request.headers.keys()].filter((name) => name.startsWith("x-") && !HIDDEN.test(name)),
  });
}
