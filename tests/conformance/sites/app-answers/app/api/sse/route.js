export const dynamic = "force-dynamic";

export function GET() {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      async start(controller) {
        for (let index = 0; index < 5; index += 1) {
          controller.enqueue(encoder.encode(`data: ${index}\n\n`));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        controller.close();
      },
    }),
    { headers: { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" } },
  );
}
