"use client";

export default function GlobalError() {
  return (
    <html lang="en">
      <body>
        <h1>The whole site is broken</h1>
      </body>
    </html>
  );
}
