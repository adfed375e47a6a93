import { headers } from "next/headers";

const SHOWN = ["host", "x-forwarded-host", "x-forwarded-proto", "cookie", "user-agent", "accept-language", "x-custom"];

export default async function Page() {
  const all = await headers();
  return <pre>{JSON.stringify(Object.fromEntries(SHOWN.map((name) => [name, all.get(name)])))}</pre>;
}
