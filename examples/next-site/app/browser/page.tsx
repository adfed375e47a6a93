import Link from "next/link";
import { Clicks } from "@/components/clicks";
import { release } from "@/lib/release";

/** What only a browser shows; prerendered, so that nothing but the browser's script changes it. */
export default function BrowserPage() {
  return (
    <>
      <h1>In the browser</h1>
      <Clicks page={release} />
      <ul>
        {["/posts/first", "/posts/third", "/action", "/stream"].map((href) => (
          <li key={href}>
            <Link href={href}>{href}</Link>
          </li>
        ))}
      </ul>
    </>
  );
}
