import type { NextApiRequest, NextApiResponse } from "next";

/** Open to everyone in this example: a real site asks for a secret. */
export default function draft(request: NextApiRequest, response: NextApiResponse): void {
  response.setDraftMode({ enable: request.query.enable === "1" }).json({ draft: request.query.enable === "1" });
}
