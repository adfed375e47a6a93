import type { NextApiRequest, NextApiResponse } from "next";

// Next.js takes 1 MB otherwise, and warns of answers above 4 MB.
export const config = { api: { bodyParser: { sizeLimit: "5mb" }, responseLimit: false } };

export default function echo(request: NextApiRequest, response: NextApiResponse): void {
  response.json({ method: request.method, query: request.query, body: request.body as unknown });
}
