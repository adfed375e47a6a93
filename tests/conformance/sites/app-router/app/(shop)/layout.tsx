import type { ReactNode } from "react";

export default function Layout({ children }: { children: ReactNode }) {
  return <main data-group="shop">{children}</main>;
}
