import { Suspense } from "react";
import { connection } from "next/server";

async function Late() {
  await connection();
  await new Promise((resolve) => setTimeout(resolve, 50));
  return <p>late content</p>;
}

export default function Page() {
  return (
    <Suspense fallback={<p>waiting</p>}>
      <Late />
    </Suspense>
  );
}
