import type { GetStaticPaths, GetStaticProps } from "next";
import { useRouter } from "next/router";

export const getStaticPaths: GetStaticPaths = () => ({ paths: [{ params: { id: "built" } }], fallback: true });

export const getStaticProps: GetStaticProps = ({ params }) => ({ props: { id: params?.id } });

export default function Page({ id }: { id?: string }) {
  return <h1>{useRouter().isFallback ? "fallback" : id}</h1>;
}
