import Image from "next/image";
import imported from "../lib/photo.png";

export default function Page() {
  return (
    <main>
      <p>home</p>
      <Image src={imported} alt="" width={64} height={64} unoptimized />
    </main>
  );
}
