import type { GetStaticPaths, GetStaticProps } from "next";

export const getStaticPaths: GetStaticPaths = () => ({
  paths: [["one"], ["one", "größe"], ["a/b"], ["100%"]].map((path) => ({ params: { path } })),
  fallback: false,
});

export const getStaticProps: GetStaticProps = ({ params }) => ({ props: { path: params?.path } });

export default function Page({ path }: { path: string[] }) {
  return <h1>{path.join(" > ")}</h1>;
}
