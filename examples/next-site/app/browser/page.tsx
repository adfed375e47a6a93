import Link from "next/link";
import { Clicks } from "@/components/clicks";
import { release } from "@/lib/release";

/** Features that need a browser. The page is prerendered, so that only scripts in the browser change it. */
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
