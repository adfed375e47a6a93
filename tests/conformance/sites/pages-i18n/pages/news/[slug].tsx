import type { GetStaticPaths, GetStaticProps } from "next";

export const getStaticPaths: GetStaticPaths = () => ({
  paths: [
    { params: { slug: "one" }, locale: "en" },
    { params: { slug: "größe" }, locale: "de" },
  ],
  fallback: false,
});

export const getStaticProps: GetStaticProps = ({ locale, params }) => ({ props: { locale, slug: params?.slug } });

export default function Page({ locale, slug }: { locale: string; slug: string }) {
  return (
    <h1>
      {locale} {slug}
    </h1>
  );
}
