import { connection } from "next/server";
import { redirect } from "next/navigation";

export default async function Page(): Promise<never> {
  await connection();
  redirect("/search?from=dynamic");
}
