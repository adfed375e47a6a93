"use client";

import { release } from "@/lib/release";

/** Says from which release it was loaded. */
export function Later() {
  return (
    <p>
      Loaded later: <code data-testid="later">{release}</code>
    </p>
  );
}
