export function getServerSideProps({ params, query, req, res, resolvedUrl, preview, previewData }) {
  if (params.id === "gone") return { notFound: true };
  if (params.id === "redirected") return { redirect: { destination: "/about?x=%C3%A4", permanent: false } };
  if (params.id === "moved") return { redirect: { destination: "/about", statusCode: 301 } };
  if (params.id === "throws") throw new Error("this page is broken");
  if (params.id === "ended") {
    res.statusCode = 418;
    res.setHeader("content-type", "text/plain");
    res.end("ended by getServerSideProps");
    return { props: {} };
  }
  if (params.id === "cookies") res.setHeader("set-cookie", ["a=1; Path=/", "b=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT"]);
  if (params.id === "cached") res.setHeader("cache-control", "public, s-maxage=60, stale-while-revalidate=30");
  return {
    props: { params, query, resolvedUrl, url: req.url, method: req.method, preview: preview ?? false, data: previewData ?? null },
  };
}

export default function Page(props) {
  return <pre>{JSON.stringify(props)}</pre>;
}
