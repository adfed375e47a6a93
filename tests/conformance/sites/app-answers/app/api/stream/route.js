export const dynamic = "force-dynamic";

export function GET() {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      async start(controller) {
        for (let index = 0; index < 5; index += 1) {
          controller.enqueue(encoder.encode(`part ${index}\n`));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        controller.close();
      },
    }),
  );
}
