import Image from "next/image";

export default function ImagePage() {
  return (
    <>
      <h1>Optimized image</h1>
      <Image src="/photo.jpg" alt="Hills in the morning" width={1200} height={800} sizes="100vw" preload />
    </>
  );
}
