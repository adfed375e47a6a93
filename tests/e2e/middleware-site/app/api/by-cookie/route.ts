import type { NextRequest } from "next/server";

export const dynamic = "force-dynamic";

// The response allows shared caching, but its `Vary` header says that it depends on the cookies.
export const GET = (request: NextRequest) =>
  Response.json(
    { user: request.cookies.get("user")?.value ?? null },
    { headers: { "cache-control": "public, s-maxage=600", vary: "Cookie" } },
  );
