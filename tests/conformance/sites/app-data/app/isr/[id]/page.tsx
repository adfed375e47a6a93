import { stamp } from "../../../lib/stamp";

export const revalidate = 3;

export const generateStaticParams = () => [{ id: "built" }];

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  return <p>{stamp((await params).id)}</p>;
}
