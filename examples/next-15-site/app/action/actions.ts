"use server";

import { cookies } from "next/headers";
import { redirect } from "next/navigation";
import { release } from "@/lib/release";

export async function greet(form: FormData): Promise<void> {
  const name = String(form.get("name"));
  (await cookies()).set("visitor", name);
  redirect(`/action?message=${encodeURIComponent(`Hello ${name}, from ${release}`)}`);
}
