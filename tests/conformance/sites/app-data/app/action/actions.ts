"use server";

import { cookies } from "next/headers";
import { redirect } from "next/navigation";

export async function greet(data: FormData) {
  const file = data.get("file");
  const size = file instanceof File ? `${file.name} ${file.type} ${(await file.arrayBuffer()).byteLength}` : "no file";
  (await cookies()).set("visitor", String(data.get("name")), { httpOnly: true, sameSite: "lax" });
  redirect(`/action?message=${encodeURIComponent(`Hello ${data.get("name")}, ${size}`)}`);
}

export async function fail(): Promise<void> {
  throw new Error("the action failed");
}
