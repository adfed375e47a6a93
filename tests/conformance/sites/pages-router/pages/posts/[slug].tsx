import type { GetStaticPaths, GetStaticProps } from "next";
import { useRouter } from "next/router";

type Props = { slug: string; at: string; preview: boolean };

export const getStaticPaths: GetStaticPaths = () => ({
  paths: ["first", "größe", "two words"].map((slug) => ({ params: { slug } })),
  fallback: "blocking",
});

export const getStaticProps: GetStaticProps<Props> = ({ params, preview = false }) => {
  const slug = String(params?.slug);
  if (slug === "none") return { notFound: true, revalidate: 1 };
  if (slug === "moved") return { redirect: { destination: "/posts/first", permanent: false }, revalidate: 60 };
  if (slug === "moved-forever") return { redirect: { destination: "/posts/first", permanent: true } };
  if (slug === "throws") throw new Error("getStaticProps throws");
  return { props: { slug, at: new Date().toISOString(), preview }, revalidate: slug === "timed" ? 2 : 3600 };
};

export default function Page({ slug, at, preview }: Props) {
  const { asPath, query, isFallback } = useRouter();
  return (
    <pre>
      {slug} {at} {preview ? "preview" : "public"} {JSON.stringify({ asPath, query, isFallback })}
    </pre>
  );
}
