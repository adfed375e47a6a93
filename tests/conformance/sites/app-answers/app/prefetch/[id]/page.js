export const revalidate = 3600;
export const generateStaticParams = () => [{ id: "1" }];

export default async function Page({ params }) {
  return <p>prefetch {(await params).id}</p>;
}
