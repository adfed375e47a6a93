import { Suspense } from "react";
import { connection } from "next/server";

async function Slow() {
  await connection();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return <p>slow part</p>;
}

export default function Page() {
  return (
    <>
      <h1>Shell</h1>
      <Suspense fallback={<p>loading part</p>}>
        <Slow />
      </Suspense>
    </>
  );
}
