import { GoogleTagManager } from "@next/third-parties/google";
import type { ReactNode } from "react";
import "./tailwind.css";
import "./theme.scss";

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <GoogleTagManager gtmId="GTM-TEST" />
      <body className="bg-white dark:bg-black">{children}</body>
    </html>
  );
}
