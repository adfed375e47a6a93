import { headers } from "next/headers";

export default async function Page({ params, searchParams }) {
  const agent = (await headers()).get("x-sent") ?? "none";
  return <pre>{JSON.stringify({ params: await params, query: await searchParams, agent })}</pre>;
}
