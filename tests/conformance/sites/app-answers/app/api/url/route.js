export const dynamic = "force-dynamic";

export function GET(request) {
  const { nextUrl } = request;
  return Response.json({
    url: request.url,
    origin: nextUrl.origin,
    search: [...nextUrl.searchParams],
    cookies: request.cookies.getAll(),
    headers: Object.keys(Object.fromEntries(request.headers)).filter((name) => name.startsWith("x-") && !name.startsWith("x-forwarded-")),
  });
}
