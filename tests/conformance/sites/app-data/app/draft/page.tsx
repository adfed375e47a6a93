import { draftMode } from "next/headers";

export default async function Page() {
  return <p>draft {(await draftMode()).isEnabled ? "on" : "off"}</p>;
}
