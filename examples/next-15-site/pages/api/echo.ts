import type { NextApiRequest, NextApiResponse } from "next";

// Without these settings, Next.js would refuse requests above 1 MB, and warn about responses above 4 MB.
export const config = { api: { bodyParser: { sizeLimit: "5mb" }, responseLimit: false } };

export default function echo(request: NextApiRequest, response: NextApiResponse): void {
  response.json({ method: request.method, query: request.query, body: request.body as unknown });
}
