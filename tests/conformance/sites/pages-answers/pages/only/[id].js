export const getStaticPaths = () => ({
  paths: [{ params: { id: "plain" } }, { params: { id: "größe" } }, { params: { id: "a b" } }, { params: { id: "x&y" } }],
  fallback: false,
});
export const getStaticProps = ({ params }) => ({ props: { id: params.id } });

export default function Page({ id }) {
  return <p>only {id}</p>;
}
