export const dynamicParams = false;
export const generateStaticParams = () => [{ slug: "plain" }, { slug: "größe" }, { slug: "a b" }, { slug: "50%" }];

export default async function Page({ params }) {
  return <p>closed {(await params).slug}</p>;
}
