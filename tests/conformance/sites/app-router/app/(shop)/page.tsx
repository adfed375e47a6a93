import Link from "next/link";

export default function Page() {
  return (
    <>
      <h1>Start</h1>
      <Link href="/gallery">Gallery</Link> <Link href="/products/first">First</Link>
    </>
  );
}
