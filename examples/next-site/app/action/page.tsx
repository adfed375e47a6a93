import { cookies } from "next/headers";
import { greet } from "./actions";

export default async function ActionPage({ searchParams }: PageProps<"/action">) {
  const { message } = await searchParams;
  const visitor = (await cookies()).get("visitor")?.value;
  return (
    <>
      <h1>Server action</h1>
      <form action={greet}>
        <label>
          Name <input name="name" required maxLength={50} />
        </label>{" "}
        <button>Greet</button>
      </form>
      {message && <p data-testid="message">{message}</p>}
      {visitor && (
        <p>
          Cookie: <span data-testid="visitor">{visitor}</span>
        </p>
      )}
    </>
  );
}
