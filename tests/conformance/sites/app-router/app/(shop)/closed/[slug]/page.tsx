export const dynamicParams = false;

export const generateStaticParams = () => [{ slug: "open" }, { slug: "größe" }, { slug: "two words" }, { slug: "100%" }];

export default async function Page({ params }: { params: Promise<{ slug: string }> }) {
  return <h1>Closed list: {(await params).slug}</h1>;
}
