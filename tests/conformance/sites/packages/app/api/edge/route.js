export const runtime = "edge";

export async function POST(request) {
  const { searchParams } = new URL(request.url);
  return Response.json(
    { runtime: globalThis.EdgeRuntime, query: searchParams.get("q"), body: await request.text() },
    { status: 201, headers: { "x-edge": "yes" } },
  );
}

export function GET() {
  const parts = ["a", "b", "c"];
  const stream = new ReadableStream({
    pull(controller) {
      const part = parts.shift();
      if (part) controller.enqueue(new TextEncoder().encode(part));
      else controller.close();
    },
  });
  return new Response(stream, { headers: { "content-type": "text/plain" } });
}
