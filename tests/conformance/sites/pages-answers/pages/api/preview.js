export default function handler(req, res) {
  if (req.query.off) res.clearPreviewData();
  else res.setPreviewData({ by: "test" });
  res.redirect("/ssr/preview");
}
