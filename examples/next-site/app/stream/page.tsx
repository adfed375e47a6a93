import { Suspense } from "react";
import { connection } from "next/server";

export default async function StreamPage() {
  await connection();
  return (
    <>
      <h1 data-testid="shell">Streamed: this part comes at once</h1>
      <Suspense fallback={<p data-testid="waiting">The slow part is on its way...</p>}>
        <Slow />
      </Suspense>
    </>
  );
}

async function Slow() {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return <p data-testid="slow">The slow part, 1.5 seconds later</p>;
}
