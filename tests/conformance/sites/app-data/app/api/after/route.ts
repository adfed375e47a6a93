import { after } from "next/server";

let calls = 0;

export function GET() {
  after(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    calls += 1;
  });
  return Response.json({ ok: true });
}

export const POST = () => Response.json({ calls });
