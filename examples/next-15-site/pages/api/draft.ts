import type { NextApiRequest, NextApiResponse } from "next";

/** This example has no authentication. A real site should check a secret. */
export default function draft(request: NextApiRequest, response: NextApiResponse): void {
  response.setDraftMode({ enable: request.query.enable === "1" }).json({ draft: request.query.enable === "1" });
}
