export default function handler(req, res) {
  res.setDraftMode({ enable: req.query.off === undefined });
  res.end("draft");
}
