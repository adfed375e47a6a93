export const generateStaticParams = () => [{ slug: "a" }];

export default async function Page({ params }: { params: Promise<{ slug: string }> }) {
  return <main data-at={Date.now()}>product {decodeURIComponent((await params).slug)}</main>;
}
