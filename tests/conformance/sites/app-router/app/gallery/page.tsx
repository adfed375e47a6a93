import Link from "next/link";

export default function Page() {
  return (
    <>
      <h1>Gallery</h1>
      <Link href="/gallery/photo/1">Photo 1</Link>
    </>
  );
}
