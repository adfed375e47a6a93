export const revalidate = 2;

export function GET() {
  return Response.json({ at: Date.now() });
}
