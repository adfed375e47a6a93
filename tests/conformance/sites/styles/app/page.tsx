"use client";

import styles from "./page.module.scss";

export default function Page() {
  return (
    <main className={`p-4 ${styles.main}`}>
      <style jsx>{`
        p {
          color: red;
        }
      `}</style>
      <p>{process.env.FROM_CONFIG}</p>
    </main>
  );
}
