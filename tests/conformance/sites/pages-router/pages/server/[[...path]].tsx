import type { GetServerSideProps } from "next";

export const getServerSideProps: GetServerSideProps = async ({ params, query, req, res, resolvedUrl }) => {
  const kind = String(params?.path ?? "top");
  if (kind === "none") return { notFound: true };
  if (kind === "moved") return { redirect: { destination: "/posts/first?from=server", permanent: false } };
  if (kind === "moved-303") return { redirect: { destination: "/server/top", statusCode: 303 } };
  if (kind === "throws") throw new Error("getServerSideProps throws");
  if (kind === "cached") res.setHeader("Cache-Control", "public, s-maxage=10, stale-while-revalidate=59");
  if (kind === "cookies") res.setHeader("Set-Cookie", ["a=1; Path=/", "b=2; Path=/; HttpOnly"]);
  if (kind === "teapot") res.statusCode = 418;
  return { props: { kind, query, resolvedUrl, url: req.url ?? null, host: req.headers.host ?? null, cookies: req.cookies } };
};

export default function Page(props: Record<string, unknown>) {
  return <pre>{JSON.stringify(props)}</pre>;
}
