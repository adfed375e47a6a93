import { connection } from "next/server";
import { unauthorized } from "next/navigation";

export default async function Page(): Promise<never> {
  await connection();
  unauthorized();
}
