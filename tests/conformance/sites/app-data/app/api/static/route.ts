export const dynamic = "force-static";

export const GET = () => Response.json({ static: true }, { headers: { "x-static": "1" } });
