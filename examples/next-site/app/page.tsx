import Link from "next/link";
import { connection } from "next/server";
import { ReleaseCheck } from "@/components/release-check";
import { release } from "@/lib/release";

const pages = ["/isr/time", "/isr/tag", "/posts/first", "/posts/third", "/action", "/image", "/stream"];

export default async function Home() {
  await connection(); // makes Next.js render the page for every request
  return (
    <>
      <h1>next-site</h1>
      <p>
        Rendered for this request at <time data-testid="rendered-at">{new Date().toISOString()}</time>.
      </p>
      <ReleaseCheck page={release} />
      <ul>
        {pages.map((href) => (
          <li key={href}>
            <Link href={href} prefetch={false}>
              {href}
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
