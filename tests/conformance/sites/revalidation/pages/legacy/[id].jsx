export const getStaticPaths = () => ({ paths: [{ params: { id: "1" } }], fallback: "blocking" });

export const getStaticProps = ({ params }) =>
  params.id === "missing"
    ? { notFound: true, revalidate: 2 }
    : { props: { id: params.id, at: Date.now() }, revalidate: 2 };

export default function Page({ id, at }) {
  return <main data-at={at}>legacy {id}</main>;
}
