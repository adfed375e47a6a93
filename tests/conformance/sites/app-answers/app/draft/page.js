import { draftMode } from "next/headers";

export default async function Page() {
  return <p>draft {String((await draftMode()).isEnabled)}</p>;
}
