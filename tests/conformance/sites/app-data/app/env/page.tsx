import { connection } from "next/server";

export default async function Page() {
  await connection();
  return <p>{[process.env.GREETING, process.env.FROM_FILE, process.env.NODE_ENV, process.env.NEXT_PUBLIC_NAME].join(" ")}</p>;
}
