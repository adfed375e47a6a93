export default async function handler(request, response) {
  try {
    await response.revalidate(request.query.path);
    response.json({ ok: true });
  } catch (error) {
    response.status(500).json({ error: String(error) });
  }
}
