import { connection } from "next/server";
import { Suspense } from "react";

async function Slow() {
  await connection();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return <p data-testid="slow">The slow part</p>;
}

export default async function Stream() {
  await connection();
  return (
    <>
      <h1 data-testid="shell">The shell</h1>
      <Suspense fallback={<p>Loading...</p>}>
        <Slow />
      </Suspense>
    </>
  );
}
