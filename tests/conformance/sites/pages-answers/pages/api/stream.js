export default async function handler(req, res) {
  res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache, no-transform" });
  for (let index = 0; index < 3; index += 1) {
    res.write(`data: ${index}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  res.end();
}
