import type { GetStaticPaths, GetStaticProps } from "next";

const PAGES = ["session", "experiment-a", "experiment-b", "device-mobile", "device-desktop", "greeting-de", "greeting-en",
  "maintenance", "stamped", "basic"];

export const getStaticPaths: GetStaticPaths = () => ({
  paths: PAGES.map((page) => ({ params: { page } })),
  fallback: false,
});
export const getStaticProps: GetStaticProps = ({ params }) => ({ props: { page: params?.page } });

export default function Page({ page }: { page: string }) {
  return <main>{`pages: ${page}`}</main>;
}
