import type { GetServerSideProps } from "next";

export const getServerSideProps: GetServerSideProps = async ({ locale, resolvedUrl }) => ({ props: { locale, resolvedUrl } });

export default function Page(props: Record<string, unknown>) {
  return <pre>{JSON.stringify(props)}</pre>;
}
