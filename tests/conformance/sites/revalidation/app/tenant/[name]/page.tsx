export const revalidate = 2;
export const generateStaticParams = () => [{ name: "acme" }];

export default async function Page({ params }: { params: Promise<{ name: string }> }) {
  return <main data-at={Date.now()}>tenant {(await params).name}</main>;
}
