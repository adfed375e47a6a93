import { greet } from "./actions";

export default async function Action({ searchParams }: { searchParams: Promise<{ message?: string }> }) {
  const { message } = await searchParams;
  return (
    <form action={greet}>
      <p data-testid="message">{message ?? "nothing yet"}</p>
      <input name="name" />
      <button type="submit">Greet</button>
    </form>
  );
}
