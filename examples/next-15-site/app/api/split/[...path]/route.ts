import { release } from "@/lib/release";

export const dynamic = "force-dynamic";

/** Runs in a server function of its own, which OpenNext names to its code (open-next.config.ts). */
export async function GET(_: Request, { params }: { params: Promise<{ path: string[] }> }): Promise<Response> {
  const { fnName = "default" } = globalThis as { fnName?: string };
  return Response.json({ release, function: fnName, path: (await params).path });
}
