"use client";

import dynamic from "next/dynamic";
import { useState } from "react";
import { release } from "@/lib/release";

// A separate script, which the browser loads on the first click. At that time, another release may be live already.
const Later = dynamic(() => import("./later").then((module) => module.Later), { ssr: false });

/** Counts clicks, and loads a script on the first click. Shows the releases of the page and of both scripts. */
export function Clicks({ page }: { page: string }) {
  const [clicks, setClicks] = useState(0);

  return (
    <>
      <button onClick={() => setClicks(clicks + 1)}>Click</button>
      <p>
        Clicks: <strong data-testid="clicks">{clicks}</strong>, page <code data-testid="page">{page}</code>, script{" "}
        <code data-testid="script">{release}</code>
      </p>
      {clicks > 0 && <Later />}
    </>
  );
}
