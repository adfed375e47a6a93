import Link from "next/link";

export default function NotFound() {
  return (
    <>
      <h1 data-testid="not-found">Not found</h1>
      <p>
        There is no such page here. <Link href="/">Back to the start</Link>
      </p>
    </>
  );
}
