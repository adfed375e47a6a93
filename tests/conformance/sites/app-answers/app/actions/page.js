import { cookies } from "next/headers";
import { notFound, redirect } from "next/navigation";

async function submit(form) {
  "use server";
  const kind = form.get("kind");
  const file = form.get("file");
  (await cookies()).set("submitted", String(kind), { path: "/" });
  if (kind === "redirect") redirect("/open/after-action");
  if (kind === "missing") notFound();
  if (kind === "throws") throw new Error("this action is broken");
  (await cookies()).set("size", String(file?.size ?? 0), { path: "/" });
}

export default async function Page() {
  const store = await cookies();
  return (
    <form action={submit}>
      <input name="kind" defaultValue="plain" />
      <input name="file" type="file" />
      <p>submitted {store.get("submitted")?.value ?? "nothing"}</p>
    </form>
  );
}
