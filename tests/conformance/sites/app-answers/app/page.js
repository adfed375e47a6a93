import Link from "next/link";

export default function Page() {
  return (
    <main>
      <p>home</p>
      <Link href="/open/1">open</Link>
    </main>
  );
}
