import { connection } from "next/server";
import { forbidden } from "next/navigation";

export default async function Page(): Promise<never> {
  await connection();
  forbidden();
}
