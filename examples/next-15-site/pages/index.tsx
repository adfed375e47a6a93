import type { GetServerSideProps, InferGetServerSidePropsType } from "next";
import Image from "next/image";
import Link from "next/link";
import { Commit } from "@/lib/release";

export const getServerSideProps = (async () => ({
  props: { renderedAt: new Date().toISOString() },
})) satisfies GetServerSideProps;

export default function Home({ renderedAt }: InferGetServerSidePropsType<typeof getServerSideProps>) {
  return (
    <main>
      <h1>next-15-site</h1>
      <p>
        Rendered for this request at <time data-testid="rendered-at">{renderedAt}</time>.
      </p>
      <Link href="/articles/first" prefetch={false}>
        The first article
      </Link>
      {/* The path contains "/docs", because Next.js does not add basePath to the source of an image. */}
      <Image src="/docs/photo.jpg" alt="A photo" width={640} height={427} />
      <Commit />
    </main>
  );
}
