import { cookies } from "next/headers";
import { fail, greet } from "./actions";

export default async function Page({ searchParams }: { searchParams: Promise<{ message?: string }> }) {
  return (
    <>
      <p>{(await searchParams).message ?? "no message"}</p>
      <p>{(await cookies()).get("visitor")?.value ?? "no visitor"}</p>
      <form action={greet} id="greet">
        <input name="name" defaultValue="Ada" />
        <input name="file" type="file" />
        <button>Send</button>
      </form>
      <form action={fail} id="fail">
        <button>Fail</button>
      </form>
    </>
  );
}
