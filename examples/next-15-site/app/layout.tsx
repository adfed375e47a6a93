import type { ReactNode } from "react";
import { Commit } from "@/lib/release";

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <main>{children}</main>
        <Commit />
      </body>
    </html>
  );
}
