export const dynamic = "force-dynamic";

export const GET = () => Response.json({ registered: (globalThis as { registered?: string }).registered ?? "no" });
