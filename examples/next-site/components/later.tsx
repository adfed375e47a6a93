"use client";

import { release } from "@/lib/release";

/** Shows the release of this script. */
export function Later() {
  return (
    <p>
      Loaded later: <code data-testid="later">{release}</code>
    </p>
  );
}
