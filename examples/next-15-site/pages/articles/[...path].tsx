import type { GetStaticPaths, GetStaticProps, InferGetStaticPropsType } from "next";
import { Commit } from "@/lib/release";

const titles: Record<string, string> = { first: "The first article", second: "The second article" };

export const getStaticPaths = (() => ({
  paths: [{ params: { path: ["first"] } }],
  fallback: "blocking",
})) satisfies GetStaticPaths;

export const getStaticProps = (async ({ params, draftMode = false }) => {
  const path = params?.path as string[];
  const title = titles[path[0] ?? ""];
  if (title === undefined) return { notFound: true };
  return {
    props: { title, path: path.join(" > "), draft: draftMode, renderedAt: new Date().toISOString() },
    revalidate: 2,
  };
}) satisfies GetStaticProps;

export default function Article({ title, path, draft, renderedAt }: InferGetStaticPropsType<typeof getStaticProps>) {
  return (
    <main>
      <h1 data-testid="title">{title}</h1>
      <p>
        Path <span data-testid="path">{path}</span>, draft <span data-testid="draft">{draft ? "on" : "off"}</span>,
        rendered at <time data-testid="rendered-at">{renderedAt}</time>.
      </p>
      <Commit />
    </main>
  );
}
