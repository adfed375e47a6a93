import { randomUUID } from "node:crypto";

export const dynamic = "force-dynamic";

export const GET = () =>
  Response.json({ id: randomUUID() }, { headers: { "cache-control": "public, s-maxage=600" } });
