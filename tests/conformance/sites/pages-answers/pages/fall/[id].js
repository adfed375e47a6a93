import { useRouter } from "next/router";

export const getStaticPaths = () => ({ paths: [{ params: { id: "known" } }], fallback: true });
export const getStaticProps = ({ params }) => ({ props: { id: params.id } });

export default function Page({ id }) {
  return useRouter().isFallback ? <p>the shell</p> : <p>fall {id}</p>;
}
