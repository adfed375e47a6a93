import type { NextApiRequest, NextApiResponse } from "next";

// The defaults of Next.js: requests of up to 1 MB, and a warning for responses above 4 MB.
export const config = { api: { bodyParser: { sizeLimit: "5mb" }, responseLimit: false } };

export default function echo(request: NextApiRequest, response: NextApiResponse): void {
  response.json({ method: request.method, query: request.query, body: request.body as unknown });
}
