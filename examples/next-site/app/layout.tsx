import type { Metadata } from "next";
import type { ReactNode } from "react";
import { release } from "@/lib/release";
import "./globals.css";

export const metadata: Metadata = {
  title: "next-site",
  description: "A page for each feature of Next.js that the tests of anchor-deploy check",
  other: { "x-release": release },
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <main>{children}</main>
        <footer>
          Built from <code data-testid="commit">{release}</code>
        </footer>
      </body>
    </html>
  );
}
