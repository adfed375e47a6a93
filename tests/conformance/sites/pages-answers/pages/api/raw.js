import { createHash } from "node:crypto";

export const config = { api: { bodyParser: false, responseLimit: false } };

export default async function handler(req, res) {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of req) {
    hash.update(chunk);
    size += chunk.length;
  }
  res.json({ size, sha256: hash.digest("hex"), length: req.headers["content-length"] ?? null });
}
