export const dynamic = "force-dynamic";

export function GET() {
  const encoder = new TextEncoder();
  const stream = new ReadableStream({
    async start(controller) {
      for (let number = 0; number < 4; number++) {
        controller.enqueue(encoder.encode(`id: ${number}\ndata: {"number":${number}}\n\n`));
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      controller.close();
    },
  });
  return new Response(stream, { headers: { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" } });
}
