import type { NextRequest } from "next/server";

export const dynamic = "force-dynamic";

// It asks for a shared cache, and says by what it differs.
export const GET = (request: NextRequest) =>
  Response.json(
    { user: request.cookies.get("user")?.value ?? null },
    { headers: { "cache-control": "public, s-maxage=600", vary: "Cookie" } },
  );
