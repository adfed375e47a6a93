import { permanentRedirect, redirect } from "next/navigation";

export default async function Page({ searchParams }) {
  if ((await searchParams).kind === "permanent") permanentRedirect("/open/permanent");
  redirect("/open/redirected?a=1");
}
