"use client";

export default function ErrorPage() {
  return <h1>Something is broken</h1>;
}
