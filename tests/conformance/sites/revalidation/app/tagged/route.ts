import { readClock } from "../clock";

export const dynamic = "force-static";

export async function GET() {
  return Response.json({ clock: await readClock() });
}
