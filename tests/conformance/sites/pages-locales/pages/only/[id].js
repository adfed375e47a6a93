export const getStaticPaths = () => ({ paths: [{ params: { id: "größe" } }, { params: { id: "größe" }, locale: "de" }], fallback: false });
export const getStaticProps = ({ params, locale }) => ({ props: { id: params.id, locale } });

export default function Page(props) {
  return <pre>{JSON.stringify(props)}</pre>;
}
