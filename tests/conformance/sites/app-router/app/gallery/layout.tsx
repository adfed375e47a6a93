import type { ReactNode } from "react";

export default function Layout({ children, modal, team }: { children: ReactNode; modal: ReactNode; team: ReactNode }) {
  return (
    <>
      {children}
      <aside>{team}</aside>
      {modal}
    </>
  );
}
