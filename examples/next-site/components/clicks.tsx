"use client";

import dynamic from "next/dynamic";
import { useState } from "react";
import { release } from "@/lib/release";

// A script of its own, which is fetched at the first click: maybe long after the page was, and after a switch.
const Later = dynamic(() => import("./later").then((module) => module.Later), { ssr: false });

/** Counts clicks; the first one loads a script. Shows the release of the page, of this script and of that one. */
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
