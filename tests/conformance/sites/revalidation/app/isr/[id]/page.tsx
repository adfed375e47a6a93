import { pause } from "../../clock";

export const revalidate = 2;

// The load test asks for a hundred prerendered pages. The last ones have names that must be encoded.
export const generateStaticParams = () => [...Array.from({ length: 98 }, (_, id) => ({ id: `${id}` })), { id: "größe" }, { id: "a b" }];

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  await pause(50);
  return <main data-at={Date.now()}>isr {decodeURIComponent((await params).id)}</main>;
}
