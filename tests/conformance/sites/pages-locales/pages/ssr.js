export const getServerSideProps = ({ locale, defaultLocale, query, resolvedUrl, req }) => ({
  props: { locale, defaultLocale, query, resolvedUrl, url: req.url, header: req.headers["x-from-middleware"] ?? null },
});

export default function Page(props) {
  return <pre>{JSON.stringify(props)}</pre>;
}
