import { label } from "@acme/ui";

export const dynamic = "force-dynamic";

export function GET() {
  return Response.json({ label: label() });
}
