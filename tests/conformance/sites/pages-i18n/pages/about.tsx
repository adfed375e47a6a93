import type { GetStaticProps } from "next";

export const getStaticProps: GetStaticProps = ({ locale }) => ({ props: { locale, at: new Date().toISOString() }, revalidate: 3 });

export default function Page({ locale, at }: { locale: string; at: string }) {
  return (
    <h1>
      {locale} {at}
    </h1>
  );
}
