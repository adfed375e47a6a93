export const dynamic = "force-dynamic";

export function GET() {
  return new Response(new Uint8Array([0, 1, 2, 253, 254, 255]), { headers: { "content-type": "application/octet-stream" } });
}
