import localFont from "next/font/local";
import type { ReactNode } from "react";
import "./global.css";

const font = localFont({ src: "./letters.ttf", display: "swap", variable: "--letters" });

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" className={font.variable}>
      <body>{children}</body>
    </html>
  );
}
