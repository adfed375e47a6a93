export const getServerSideProps = ({ params, query, resolvedUrl, req }) => ({
  props: { params, query, resolvedUrl, url: req.url },
});

export default function Page(props) {
  return <pre>{JSON.stringify(props)}</pre>;
}
