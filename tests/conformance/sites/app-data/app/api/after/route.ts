import { after } from "next/server";

let started = 0;
let ended = 0;

export function GET() {
  started += 1;
  after(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    ended += 1;
  });
  return Response.json({ ok: true });
}

// Waits until the work after the earlier answers has ended.
export async function POST() {
  for (let tries = 0; ended < started && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  return Response.json({ missing: started - ended });
}
