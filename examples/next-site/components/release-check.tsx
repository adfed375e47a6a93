"use client";

import { useEffect, useState } from "react";
import { release } from "@/lib/release";

/**
 * Compares the commits of the page, of the browser's script and of the API.
 * They differ if parts of two releases are mixed, or if a release went live after the page was loaded.
 */
export function ReleaseCheck({ page }: { page: string }) {
  const [verdict, setVerdict] = useState("comparing...");

  useEffect(() => {
    async function compare() {
      const response = await fetch("/api/release", { cache: "no-store" });
      const { release: api } = (await response.json()) as { release: string };
      const same = page === release && release === api;
      setVerdict(same ? "same release" : `mixed: page ${page}, script ${release}, API ${api}`);
    }
    compare().catch((error: unknown) => setVerdict(`not compared: ${String(error)}`));
  }, [page]);

  return (
    <p>
      Page, script and API: <strong data-testid="release-check">{verdict}</strong>
    </p>
  );
}
