export const getStaticPaths = ({ locales }) => ({
  paths: locales.map((locale) => ({ params: { slug: "größe" }, locale })),
  fallback: "blocking",
});
export const getStaticProps = ({ params, locale }) => ({ props: { slug: params.slug, locale } });

export default function Page(props) {
  return <pre>{JSON.stringify(props)}</pre>;
}
