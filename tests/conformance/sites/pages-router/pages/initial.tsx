import type { NextPageContext } from "next";

function Page({ path, query }: { path?: string; query: unknown }) {
  return <pre>{JSON.stringify({ path, query })}</pre>;
}

Page.getInitialProps = ({ asPath, query }: NextPageContext) => ({ path: asPath, query });

export default Page;
