export const getStaticPaths = () => ({ paths: [{ params: { id: "1" } }], fallback: "blocking" });
export const getStaticProps = ({ params, preview, previewData }) => ({
  props: { id: params.id, preview: preview ?? false, data: previewData ?? null },
});

export default function Page(props) {
  return <pre>{JSON.stringify(props)}</pre>;
}
