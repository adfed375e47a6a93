import { release } from "@/lib/release";

export const dynamic = "force-dynamic";

/**
 * Runs in a separate server function (see open-next.config.ts). OpenNext passes the name of the function to the code in
 * the global variable `fnName`.
 */
export async function GET(_: Request, { params }: { params: Promise<{ path: string[] }> }): Promise<Response> {
  const { fnName = "default" } = globalThis as { fnName?: string };
  return Response.json({ release, function: fnName, path: (await params).path });
}
