import { release } from "@/lib/release";

export const dynamic = "force-dynamic";

/** Runs in a separate server function, whose name OpenNext passes to the code (open-next.config.ts). */
export async function GET(_: Request, { params }: { params: Promise<{ path: string[] }> }): Promise<Response> {
  const { fnName = "default" } = globalThis as { fnName?: string };
  return Response.json({ release, function: fnName, path: (await params).path });
}
