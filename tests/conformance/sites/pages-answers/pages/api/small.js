export const config = { api: { bodyParser: { sizeLimit: "1kb" } } };

export default function handler(req, res) {
  res.json({ size: JSON.stringify(req.body).length });
}
